// Requests to Shipyard with the token of the user, and the login of react-admin.

import { fetchUtils } from "react-admin";

/** The URL of the service. */
export const shipyard = import.meta.env.VITE_SHIPYARD ?? "http://localhost:5000";

/** Make a request. Used by the data provider. */
export async function httpClient(url, options) {
  const user = { authenticated: true, token: localStorage.getItem("token") };
  const response = await fetchUtils.fetchJson(url, { ...options, user }).catch(addFieldErrors);
  // A 204 has no body, but react-admin's deleteMany reads `json.id`.
  return { ...response, json: response.json ?? {} };
}

/** Show validation errors, such as {"crew": ["Not a valid integer."]}, beside the fields of the form. */
function addFieldErrors(error) {
  const { message } = error.body ?? {};
  if (message !== null && typeof message === "object") {
    const texts = Object.entries(message).map(([field, errors]) => [field, Object.values(errors).flat().join(" ")]);
    error.body.errors = Object.fromEntries(texts);
    error.message = texts.map(([field, text]) => `${field}: ${text}`).join(" ");
  }
  throw error;
}

/** The login form of react-admin. */
export const authProvider = {
  async login({ username, password }) {
    const body = JSON.stringify({ username, password });
    const { json } = await fetchUtils.fetchJson(`${shipyard}/auth/login`, { method: "POST", body });
    localStorage.setItem("token", `Bearer ${json.access_token}`);
  },
  async logout() {
    localStorage.removeItem("token");
  },
  async checkAuth() {
    if (!localStorage.getItem("token")) {
      throw { message: false };
    }
  },
  async checkError({ status }) {
    if (status === 401) {
      throw new Error("Log in again.");
    }
  },
};
