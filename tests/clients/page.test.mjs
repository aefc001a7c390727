// What a page of another origin may do, and what it gets to see.

import assert from "node:assert/strict";
import { test } from "node:test";

import { fetchFrom, network } from "./browser.mjs";
import { login, origin, shuttle, service } from "./service.mjs";

const SHIPS = `${service}/api/ships`;
const STRANGER = "https://stranger.example.org";

function preflight(from) {
  const asked = { "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization" };
  return network(`${SHIPS}/1`, { method: "OPTIONS", headers: { Origin: from, ...asked } });
}

test("a preflight needs no token", async () => {
  const { status, headers } = await preflight(origin);
  assert.equal(status, 204);
  assert.equal(headers.get("access-control-allow-origin"), origin);
  assert.match(headers.get("access-control-allow-methods"), /\bPUT\b/);
  assert.match(headers.get("access-control-allow-headers"), /\bAuthorization\b/);
});

test("a stranger's preflight allows nothing", async () => {
  const { headers } = await preflight(STRANGER);
  assert.deepEqual([...headers.keys()].filter((name) => name.startsWith("access-control-")), []);
});

test("a stranger's page reads nothing", async () => {
  await assert.rejects(fetchFrom(STRANGER)(SHIPS), TypeError);
});

test("every response has Vary: Origin", async () => {
  for (const headers of [{}, { Origin: origin }, { Origin: STRANGER }]) {
    assert.match((await network(SHIPS, { headers })).headers.get("vary"), /\bOrigin\b/);
  }
});

test("a page reads the total, the links and the id of its request", async () => {
  const { headers } = await fetch(`${SHIPS}?_page=2&_limit=4`, { headers: { "X-Request-ID": "from-a-page" } });
  assert.equal(headers.get("x-total-count"), "15");
  assert.match(headers.get("link"), /_page=3.*rel="next"/);
  assert.equal(headers.get("x-request-id"), "from-a-page");
});

test("a page that sends a new record twice under one key reads where it is, twice", async () => {
  const headers = { Authorization: await login(), "Content-Type": "application/json", "Idempotency-Key": "once" };
  const send = () => fetch(SHIPS, { method: "POST", headers, body: JSON.stringify(shuttle) });
  const [first, second] = [await send(), await send()];
  assert.deepEqual([first.status, second.status], [201, 201]);
  assert.match(first.headers.get("location"), /\/api\/ships\/\d+$/);
  assert.equal(second.headers.get("location"), first.headers.get("location"));
});

test("a page that names the tag it has read is told that nothing changed", async () => {
  const first = await fetch(`${SHIPS}/1`);
  const second = await fetch(`${SHIPS}/1`, { headers: { "If-None-Match": first.headers.get("etag") } });
  assert.equal(second.status, 304);
});

test("a page can read an error response", async () => {
  const answer = await fetch(`${SHIPS}/1`, { method: "DELETE" });
  assert.equal(answer.status, 401);
  assert.equal((await answer.json()).error, "Missing Authorization Header");
});
