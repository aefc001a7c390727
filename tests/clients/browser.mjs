// fetch as a page of another origin has it: the CORS protocol of the Fetch standard (3.3, 4.8), which Node leaves out.

const SIMPLE_METHODS = ["GET", "HEAD", "POST"];
const SIMPLE_HEADERS = ["accept", "accept-language", "content-language"];
const SIMPLE_TYPES = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];
const READABLE = [
  "cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma",
];

/** The fetch of Node, without the checks of a browser. */
export const network = globalThis.fetch;

/** The fetch of a page of this origin; it throws TypeError where a browser keeps the answer from the page. */
export function fetchFrom(origin) {
  return async (resource, options) => {
    const request = new Request(resource, options);
    const headers = unusualHeaders(request);
    if (!SIMPLE_METHODS.includes(request.method) || headers.length > 0) {
      await preflight(request, headers, origin);
    }
    request.headers.set("Origin", origin);
    return readable(shared(await network(request), origin));
  };
}

function unusualHeaders(request) {
  const simpleType = SIMPLE_TYPES.includes(request.headers.get("content-type"));
  const simple = simpleType ? [...SIMPLE_HEADERS, "content-type"] : SIMPLE_HEADERS;
  return [...request.headers.keys()].filter((name) => !simple.includes(name)).sort();
}

async function preflight(request, headers, origin) {
  const asked = {
    Origin: origin,
    "Access-Control-Request-Method": request.method,
    "Access-Control-Request-Headers": headers.join(","),
  };
  const answer = shared(await network(request.url, { method: "OPTIONS", headers: asked }), origin);
  const methods = [...SIMPLE_METHODS, ...listed(answer, "access-control-allow-methods")];
  const allowed = listed(answer, "access-control-allow-headers").map((name) => name.toLowerCase());
  const rejected = [request.method, ...headers].filter((name) => ![...methods, ...allowed].includes(name));
  if (!answer.ok || rejected.length > 0) {
    throw blocked(`The preflight (${answer.status}) of ${request.url} does not allow ${rejected}.`);
  }
}

function shared(answer, origin) {
  if (answer.headers.get("access-control-allow-origin") !== origin) {
    throw blocked(`${answer.url} does not share its answer (${answer.status}) with ${origin}.`);
  }
  return answer;
}

function readable(answer) {
  const exposed = listed(answer, "access-control-expose-headers").map((name) => name.toLowerCase());
  const headers = [...answer.headers].filter(([name]) => [...READABLE, ...exposed].includes(name));
  return new Response(answer.body, { status: answer.status, statusText: answer.statusText, headers });
}

function listed(answer, header) {
  return (answer.headers.get(header) ?? "").split(",").map((item) => item.trim());
}

/** What the page learns: nothing; the reason is for the console. */
function blocked(reason) {
  console.error(reason);
  return new TypeError("Failed to fetch");
}
