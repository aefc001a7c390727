"""Flask, flask-jwt-extended and marshmallow under gunicorn: the stack of the example."""

from flask import Flask, abort, jsonify, request, url_for
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token, jwt_required
from marshmallow import ValidationError

from bench.peers.passwords import verify
from bench.peers.schema import ShipSchema
from bench.peers.shared import NEXT_ID, SECRET, SHIPS, USERS

app = Flask(__name__)
app.config["JWT_SECRET_KEY"] = SECRET
jwt = JWTManager(app)
schema = ShipSchema()
revoked: set[str] = set()


@jwt.token_in_blocklist_loader
def is_revoked(_header, claims):
    return claims["jti"] in revoked


@app.errorhandler(ValidationError)
def invalid(error):
    return jsonify(message=error.messages), 400


@app.post("/auth/login")
def login():
    data = request.get_json()
    if not verify(data["username"], data["password"]):
        abort(401)
    identity = str(USERS[data["username"]])
    return jsonify(access_token=create_access_token(identity), refresh_token=create_refresh_token(identity))


@app.get("/api/ships")
def ships():
    return jsonify(schema.dump(SHIPS.values(), many=True))


@app.get("/api/ships/<int:id>")
def ship(id):
    return jsonify(schema.dump(SHIPS.get(id) or abort(404)))


@app.get("/bench/ships/<int:id>")
@jwt_required()
def own_ship(id):
    return jsonify(schema.dump(SHIPS.get(id) or abort(404)))


@app.put("/api/ships/<int:id>")
@jwt_required()
def replace(id):
    if id not in SHIPS:
        abort(404)
    SHIPS[id] = {"id": id, **schema.load(request.get_json())}
    return jsonify(schema.dump(SHIPS[id]))


@app.post("/api/ships")
@jwt_required()
def add():
    data = schema.load(request.get_json())
    id = next(NEXT_ID)
    SHIPS[id] = {"id": id, **data}
    return jsonify(schema.dump(SHIPS[id])), 201, {"Location": url_for("ship", id=id, _external=True)}
