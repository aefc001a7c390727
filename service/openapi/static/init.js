"use strict";

SwaggerUIBundle({
  dom_id: "#swagger-ui",
  url: "docs/openapi.json",
  // No part of the page's own address may choose another document.
  queryConfigEnabled: false,
  validatorUrl: null,
  // A token is forgotten with the page.
  persistAuthorization: false,
  tryItOutEnabled: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  deepLinking: true,
  displayRequestDuration: true,
});
