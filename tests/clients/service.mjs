// The running Shipyard, what is known of it, and what the tests of every client need.

import { readFileSync } from "node:fs";

import { fetchFrom } from "./browser.mjs";

export const { SERVICE: service, ORIGIN: origin } = process.env;
export const { ships } = JSON.parse(readFileSync(new URL("../../data.json", import.meta.url), "utf-8"));

globalThis.fetch = fetchFrom(origin);

/** What a new ship is made of. */
export const shuttle = {
  affiliation: "Empire",
  category: "Transports",
  crew: 6,
  length: 20,
  manufacturer: "Cygnus Spaceworks",
  model: "Lambda T-4b",
  roles: ["Shuttle", "Escort"],
  ship_class: "Shuttle",
};

/** The Authorization of a user who has just logged in. */
export async function login(username = "user", password = "password") {
  const answer = await fetch(`${service}/auth/login`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ username, password }),
  });
  return `Bearer ${(await answer.json()).access_token}`;
}

/** The provider, and the set of the names of those of its methods that have not been called yet. */
export function watched(provider) {
  const untried = new Set(Object.keys(provider));
  const watch = ([name, method]) => [name, (...given) => {
    untried.delete(name);
    return method(...given);
  }];
  return [Object.fromEntries(Object.entries(provider).map(watch)), untried];
}

/** Compares records by a field, then by id; `way` is 1 or -1. */
export function by(field, way = 1) {
  return (a, b) => way * ((a[field] > b[field]) - (a[field] < b[field])) || a.id - b.id;
}
