// An admin front end for Shipyard: ships can be edited, users can be listed.

import { Admin, DataTable, EditGuesser, List, ListGuesser, Resource, SearchInput } from "react-admin";
import jsonServerProvider from "ra-data-json-server";
import { authProvider, httpClient, shipyard } from "./shipyard.js";

const dataProvider = jsonServerProvider(`${shipyard}/api`, httpClient);

const Ships = () => (
  <List filters={[<SearchInput source="q" alwaysOn />]}>
    <DataTable>
      <DataTable.Col source="model" />
      <DataTable.Col source="affiliation" />
      <DataTable.Col source="category" />
      <DataTable.NumberCol source="crew" />
      <DataTable.Col source="roles" disableSort />
    </DataTable>
  </List>
);

export default function App() {
  return (
    <Admin dataProvider={dataProvider} authProvider={authProvider} disableTelemetry>
      <Resource name="ships" list={Ships} edit={<EditGuesser mutationMode="pessimistic" />} />
      <Resource name="users" list={ListGuesser} />
    </Admin>
  );
}
