// Each method of react-admin's ra-data-json-server, in a page of another origin.

import assert from "node:assert/strict";
import { test } from "node:test";

import jsonServerProvider from "ra-data-json-server";

import { by, ships, shuttle, watched, service } from "./service.mjs";
import { authProvider, httpClient } from "./example.mjs";

await authProvider.login({ username: "user", password: "password" });
const [provider, untried] = watched(jsonServerProvider(`${service}/api`, httpClient));

async function made(t, changes = {}) {
  const { data } = await provider.create("ships", { data: { ...shuttle, ...changes } });
  t.after(() => provider.delete("ships", { id: data.id }).catch((error) => assert.equal(error.status, 404)));
  return data;
}

const gone = (ship) => assert.rejects(provider.getOne("ships", { id: ship.id }), { name: "HttpError", status: 404 });

test("getList filters, sorts and cuts out a page of a known total", async () => {
  const { data, total } = await provider.getList("ships", {
    filter: { affiliation: "Empire", crew_lte: 2 },
    sort: { field: "length", order: "DESC" },
    pagination: { page: 2, perPage: 2 },
  });
  const expected = ships.filter((ship) => ship.affiliation === "Empire" && ship.crew <= 2).sort(by("length", -1));
  assert.deepEqual(data, expected.slice(2, 4));
  assert.equal(total, expected.length);
});

const FILTERS = [
  [{}, () => true],
  [{ q: "x-wing" }, (ship) => ship.model === "T-65 X-Wing"],
  [{ model_like: "tie/" }, (ship) => ship.model.startsWith("TIE/")],
  [{ category_ne: "Starfighters" }, (ship) => ship.category !== "Starfighters"],
  [{ category: ["Transports", "Escort Ships"] }, (ship) => /Transports|Escort Ships/.test(ship.category)],
  [{ crew_gt: 2, crew_lt: 850 }, (ship) => ship.crew > 2 && ship.crew < 850],
  [{ roles: "Escort" }, (ship) => ship.roles.includes("Escort")],
];
for (const [filter, holds] of FILTERS) {
  test(`getList with the filter ${JSON.stringify(filter)} gives what it holds for`, async () => {
    const everything = { pagination: { page: 1, perPage: 1000 }, sort: { field: "id", order: "ASC" } };
    const { data, total } = await provider.getList("ships", { filter, ...everything });
    assert.deepEqual(data, ships.filter(holds));
    assert.equal(total, data.length);
  });
}

test("getList with a filter that there is not says which", async () => {
  await assert.rejects(provider.getList("ships", { filter: { speed: 9 } }), (error) => {
    assert.equal(error.status, 400);
    assert.deepEqual(error.body.message, { speed: ["Unknown parameter."] });
    return true;
  });
});

test("getList of users shows no password", async () => {
  const { data } = await provider.getList("users", { filter: {} });
  assert.deepEqual(data, [{ id: 1, name: "user" }, { id: 2, name: "guest" }]);
});

test("getOne gives the record", async () => {
  assert.deepEqual(await provider.getOne("ships", { id: 9 }), { data: ships[8] });
});

test("getMany gives the records there are", async () => {
  const { data } = await provider.getMany("ships", { ids: [3, 11, 4711] });
  assert.deepEqual(data, [ships[2], ships[10]]);
});

test("getManyReference filters by the target", async () => {
  const { data, total } = await provider.getManyReference("ships", {
    target: "category",
    id: "Starfighters",
    filter: { affiliation: "Rebel Alliance" },
    sort: { field: "model", order: "ASC" },
    pagination: { page: 1, perPage: 2 },
  });
  const rebels = ships.filter((ship) => ship.category === "Starfighters" && ship.affiliation === "Rebel Alliance");
  assert.deepEqual(data, rebels.sort(by("model")).slice(0, 2));
  assert.equal(total, rebels.length);
});

test("create gives the record its id", async (t) => {
  const ship = await made(t);
  assert.deepEqual(ship, { id: ship.id, ...shuttle });
  assert.deepEqual((await provider.getOne("ships", { id: ship.id })).data, ship);
});

test("create with a fault names the field", async () => {
  await assert.rejects(provider.create("ships", { data: { ...shuttle, crew: "six" } }), (error) => {
    assert.deepEqual(error.body.message, { crew: ["Not a valid integer."] });
    return error.status === 400;
  });
});

test("update takes the whole record back, its id too", async (t) => {
  const ship = await made(t);
  const changed = { ...ship, crew: 8 };
  const { data } = await provider.update("ships", { id: ship.id, data: changed, previousData: ship });
  assert.deepEqual(data, changed);
  assert.deepEqual((await provider.getOne("ships", { id: ship.id })).data, changed);
});

test("update of another user is an error, of the own record it is not", async () => {
  const update = (id, name) => provider.update("users", { id, data: { id, name, password: "password" } });
  await assert.rejects(update(2, "nobody"), { status: 403 });
  assert.deepEqual(await update(1, "admiral"), { data: { id: 1, name: "admiral" } });
  assert.deepEqual(await update(1, "user"), { data: { id: 1, name: "user" } });
});

test("updateMany writes the same to each", async (t) => {
  const fleet = [await made(t), await made(t, { crew: 7 })];
  const ids = fleet.map((ship) => ship.id);
  assert.deepEqual(await provider.updateMany("ships", { ids, data: { ...shuttle, crew: 9 } }), { data: ids });
  assert.deepEqual((await provider.getMany("ships", { ids })).data, ids.map((id) => ({ id, ...shuttle, crew: 9 })));
});

test("updateMany with some of the fields is an error, and nothing is written", async (t) => {
  const ship = await made(t);
  await assert.rejects(provider.updateMany("ships", { ids: [ship.id], data: { crew: 9 } }), { status: 400 });
  assert.deepEqual((await provider.getOne("ships", { id: ship.id })).data, ship);
});

test("delete removes the record", async (t) => {
  const ship = await made(t);
  await provider.delete("ships", { id: ship.id, previousData: ship });
  await gone(ship);
});

test("deleteMany removes each", async (t) => {
  const fleet = [await made(t), await made(t)];
  const { data } = await provider.deleteMany("ships", { ids: fleet.map((ship) => ship.id) });
  assert.equal(data.length, fleet.length);
  await Promise.all(fleet.map(gone));
});

test("no method of the provider is left untried", () => assert.deepEqual([...untried], []));
