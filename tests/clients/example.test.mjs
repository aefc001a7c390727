// examples/admin/src/shipyard.js: the login of react-admin, and what it does with errors.

import assert from "node:assert/strict";
import { test } from "node:test";

import "./service.mjs";
import { authProvider, httpClient, shipyard } from "./example.mjs";

const rejected = (promise, expected) => assert.rejects(promise, expected);

test("without a login, checkAuth rejects without a message", async () => {
  await rejected(authProvider.checkAuth(), { message: false });
});

test("a wrong password is an error with the message of the service", async () => {
  await rejected(authProvider.login({ username: "user", password: "wrong" }), {
    message: "Username or password invalid.",
    status: 401,
  });
  await rejected(authProvider.checkAuth());
});

test("after a login, requests have a token until the logout", async () => {
  await authProvider.login({ username: "user", password: "password" });
  await authProvider.checkAuth();
  const { status, json } = await httpClient(`${shipyard}/api/users/1`, {
    method: "PATCH",
    body: JSON.stringify({ name: "user" }),
  });
  assert.deepEqual([status, json], [200, { id: 1, name: "user" }]);
  await authProvider.logout();
  await rejected(authProvider.checkAuth());
});

test("errors of fields are shown at the fields", async () => {
  await authProvider.login({ username: "user", password: "password" });
  const body = JSON.stringify({ crew: "six", roles: ["Escort", 7] });
  await rejected(httpClient(`${shipyard}/api/ships/1`, { method: "PATCH", body }), (error) => {
    assert.deepEqual(error.body.errors, { crew: "Not a valid integer.", roles: "Not a valid string." });
    assert.equal(error.message, "crew: Not a valid integer. roles: Not a valid string.");
    return error.status === 400;
  });
});

test("a 401 leads to the login, other errors do not", async () => {
  await rejected(authProvider.checkError({ status: 401 }), { message: "Log in again." });
  await authProvider.checkError({ status: 403 });
});

test("an unreachable service is an error", async () => {
  await rejected(httpClient("http://127.0.0.1:9/api/ships"), TypeError);
});
