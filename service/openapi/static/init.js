"use strict";

SwaggerUIBundle({
  dom_id: "#swagger-ui",
  url: "docs/openapi.json",
  // The query of the page's URL must not select another document.
  queryConfigEnabled: false,
  validatorUrl: null,
  // Tokens are not saved.
  persistAuthorization: false,
  tryItOutEnabled: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  deepLinking: true,
  displayRequestDuration: true,
});
