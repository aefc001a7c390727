"""The data and settings of all peers. Records are stored in a dict, as in a tutorial."""

import itertools
import json
import os
from pathlib import Path

PORT = int(os.environ["BENCH_PORT"])
SECRET = os.environ["BENCH_SECRET"]
DATA = json.loads((Path(__file__).parents[2] / "data.json").read_text())
SHIPS = {ship["id"]: ship for ship in DATA["ships"]}
NEXT_ID = itertools.count(len(SHIPS) + 1)
USERS = {user["name"]: user["id"] for user in DATA["users"]}
