// The files of examples/admin as Vite serves them: `react-admin` is its core, and `import.meta.env` is set.

import { register } from "node:module";

const hooks = `
  export function resolve(specifier, context, next) {
    if (specifier !== "react-admin") return next(specifier, context);
    return next("ra-core", { ...context, parentURL: ${JSON.stringify(import.meta.url)} });
  }
  export async function load(url, context, next) {
    const loaded = await next(url, context);
    if (!url.includes("/examples/admin/")) return loaded;
    const env = ${JSON.stringify({ VITE_SHIPYARD: process.env.SERVICE })};
    return { ...loaded, source: "import.meta.env = " + JSON.stringify(env) + ";" + loaded.source };
  }
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);

const items = new Map();
globalThis.localStorage = {
  getItem: (name) => items.get(name) ?? null,
  setItem: (name, value) => items.set(name, String(value)),
  removeItem: (name) => items.delete(name),
};

export const { authProvider, httpClient, shipyard } = await import("../../examples/admin/src/shipyard.js");
