// Each method of refine's @refinedev/simple-rest, in a page of another origin.

import assert from "node:assert/strict";
import { test } from "node:test";

import dataProvider, { axiosInstance } from "@refinedev/simple-rest";

import { by, login, ships, shuttle, watched, service } from "./service.mjs";

axiosInstance.defaults.adapter = "fetch"; // Node's own knows no origins
axiosInstance.defaults.headers.common["User-Agent"] = false; // a page leaves it to the browser
axiosInstance.defaults.headers.common.Authorization = await login();
// refine's errors contain the whole request, which would make the output of a failed test unreadable.
axiosInstance.interceptors.response.use(null, ({ statusCode, message }) => Promise.reject({ statusCode, message }));

const [provider, untried] = watched(dataProvider(`${service}/api`));
const resource = "ships";

async function made(t, changes = {}) {
  const { data } = await provider.create({ resource, variables: { ...shuttle, ...changes } });
  t.after(() => provider.deleteOne({ resource, id: data.id }).catch((error) => assert.equal(error.statusCode, 404)));
  return data;
}

const gone = (ship) => assert.rejects(provider.getOne({ resource, id: ship.id }), { statusCode: 404 });

test("getList filters, sorts by several fields and cuts out a page of a known total", async () => {
  const { data, total } = await provider.getList({
    resource,
    filters: [{ field: "affiliation", operator: "eq", value: "Empire" }],
    sorters: [{ field: "category", order: "asc" }, { field: "length", order: "desc" }],
    pagination: { currentPage: 2, pageSize: 3 },
  });
  const empire = ships.filter((ship) => ship.affiliation === "Empire").sort(by("length", -1));
  const expected = ["Capital Ships", "Starfighters", "Transports"].flatMap((category) =>
    empire.filter((ship) => ship.category === category),
  );
  assert.deepEqual(data, expected.slice(3, 6));
  assert.equal(total, expected.length);
});

const FILTERS = [
  ["category", "eq", "Transports", (ship) => ship.category === "Transports"],
  ["category", "eq", ["Transports", "Escort Ships"], (ship) => /Transports|Escort Ships/.test(ship.category)],
  ["category", "in", ["Transports", "Escort Ships"], (ship) => /Transports|Escort Ships/.test(ship.category)],
  ["affiliation", "ne", "Empire", (ship) => ship.affiliation !== "Empire"],
  ["crew", "gte", 165, (ship) => ship.crew >= 165],
  ["crew", "lte", 165, (ship) => ship.crew <= 165],
  ["model", "contains", "tie/", (ship) => ship.model.startsWith("TIE/")],
  ["roles", "eq", "Escort", (ship) => ship.roles.includes("Escort")],
  ["q", "contains", "x-wing", (ship) => ship.model === "T-65 X-Wing"],
];
for (const [field, operator, value, holds] of FILTERS) {
  test(`getList with ${field} ${operator} ${JSON.stringify(value)} gives what it holds for`, async () => {
    const filters = [{ field, operator, value }];
    const { data, total } = await provider.getList({ resource, filters, pagination: { pageSize: 1000 } });
    assert.deepEqual(data, ships.filter(holds));
    assert.equal(total, data.length);
  });
}

test("getList without pages gives everything", async () => {
  const answer = await provider.getList({ resource, pagination: { mode: "off" } });
  assert.deepEqual(answer, { data: ships, total: ships.length });
});

test("getList with a filter that there is not says which", async () => {
  const filters = [{ field: "speed", operator: "gte", value: 9 }];
  const error = { statusCode: 400, message: { speed_gte: ["Unknown parameter."] } };
  await assert.rejects(provider.getList({ resource, filters }), error);
});

test("getList with the method head tells the total", async () => {
  const { total } = await provider.getList({ resource, meta: { method: "head" } });
  assert.equal(total, ships.length);
});

test("getOne gives the record", async () => {
  assert.deepEqual(await provider.getOne({ resource, id: 9 }), { data: ships[8] });
});

test("getMany gives the records there are", async () => {
  const { data } = await provider.getMany({ resource, ids: [3, 11, 4711] });
  assert.deepEqual(data, [ships[2], ships[10]]);
});

test("create gives the record its id", async (t) => {
  const ship = await made(t);
  assert.deepEqual(ship, { id: ship.id, ...shuttle });
  assert.deepEqual((await provider.getOne({ resource, id: ship.id })).data, ship);
});

test("create with a fault names the field", async () => {
  const variables = { ...shuttle, crew: "six" };
  const error = { statusCode: 400, message: { crew: ["Not a valid integer."] } };
  await assert.rejects(provider.create({ resource, variables }), error);
});

test("update changes the fields it is given", async (t) => {
  const ship = await made(t);
  const { data } = await provider.update({ resource, id: ship.id, variables: { crew: 8 } });
  assert.deepEqual(data, { ...ship, crew: 8 });
  assert.deepEqual((await provider.getOne({ resource, id: ship.id })).data, data);
});

for (const method of ["patch", "put"]) {
  test(`update with the method ${method} takes the whole record back, its id too`, async (t) => {
    const ship = await made(t);
    const changed = { ...ship, roles: ["Courier"] };
    const { data } = await provider.update({ resource, id: ship.id, variables: changed, meta: { method } });
    assert.deepEqual(data, changed);
  });
}

test("update with the tag of an older record is an error", async (t) => {
  const ship = await made(t);
  const write = (headers) => provider.update({ resource, id: ship.id, variables: { crew: 8 }, meta: { headers } });
  const { headers } = await axiosInstance.get(`${service}/api/ships/${ship.id}`);
  await write({ "If-Match": headers.etag });
  await assert.rejects(write({ "If-Match": headers.etag }), { statusCode: 412 });
});

test("deleteOne removes the record, whether it sends variables or not", async (t) => {
  for (const variables of [undefined, { reason: "scrapped" }]) {
    const ship = await made(t);
    await provider.deleteOne({ resource, id: ship.id, variables });
    await gone(ship);
  }
});

test("getApiUrl gives where the routes are", () => assert.equal(provider.getApiUrl(), `${service}/api`));

test("custom reads with filters, sorters and a query", async () => {
  const { data } = await provider.custom({
    url: `${provider.getApiUrl()}/ships`,
    method: "get",
    filters: [{ field: "crew", operator: "gte", value: 165 }],
    sorters: [{ field: "crew", order: "desc" }],
    query: { _fields: "id,crew", _limit: 2 },
  });
  const expected = ships.filter((ship) => ship.crew >= 165).sort(by("crew", -1));
  assert.deepEqual(data, expected.slice(0, 2).map(({ id, crew }) => ({ id, crew })));
});

test("custom reads one record", async () => {
  assert.deepEqual(await provider.custom({ url: `${service}/api/ships/9`, method: "get" }), { data: ships[8] });
});

test("custom writes by every method", async () => {
  const url = `${service}/api/ships`;
  const { data: ship } = await provider.custom({ url, method: "post", payload: shuttle });
  const one = `${url}/${ship.id}`;
  const whole = { ...ship, crew: 8 };
  assert.deepEqual(await provider.custom({ url: one, method: "put", payload: whole }), { data: whole });
  const patched = await provider.custom({ url: one, method: "patch", payload: { crew: 9 } });
  assert.deepEqual(patched.data, { ...ship, crew: 9 });
  await provider.custom({ url: one, method: "delete" });
  await gone(ship);
});

test("custom logs out", async () => {
  const headers = { Authorization: await login("guest", "guest") };
  const logout = () => provider.custom({ url: `${service}/auth/logout`, method: "delete", headers });
  assert.deepEqual((await logout()).data, { message: "Successfully logged out." });
  await assert.rejects(logout(), { statusCode: 401 });
});

test("no method of the provider is left untried", () => assert.deepEqual([...untried], []));
