"""FastAPI, SQLAlchemy and asyncpg on PostgreSQL, as in their tutorials."""

import os
from contextlib import asynccontextmanager
from typing import Annotated, ClassVar

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, TEXT
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bench.peers import tokens
from bench.peers.model import Login, Ship, ShipFields
from bench.peers.passwords import verify
from bench.peers.shared import SHIPS

DATA = [{name: value for name, value in ship.items() if name != "id"} for ship in SHIPS.values()]
URL = os.environ["BENCH_DATABASE"].replace("postgresql://", "postgresql+asyncpg://", 1)
# No overflow: connections beyond the pool would be opened for a single request.
engine = create_async_engine(URL, pool_size=10, max_overflow=0)
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    type_annotation_map: ClassVar = {str: TEXT, int: BIGINT, list[str]: ARRAY(TEXT)}


class ShipRow(Base):
    __tablename__ = "bench_ships"
    id: Mapped[int] = mapped_column(primary_key=True)
    affiliation: Mapped[str]
    category: Mapped[str]
    crew: Mapped[int]
    length: Mapped[int]
    manufacturer: Mapped[str]
    model: Mapped[str]
    roles: Mapped[list[str]]
    ship_class: Mapped[str]


@asynccontextmanager
async def lifespan(_app):
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
        await connection.run_sync(Base.metadata.create_all)
    async with sessions.begin() as session:
        session.add_all(ShipRow(**ship) for ship in DATA)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)


async def open_session():
    async with sessions() as session:
        yield session


async def claims(bearer: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]):
    if tokens.read(f"Bearer {bearer.credentials}") is None:
        raise HTTPException(401)


Session = Annotated[AsyncSession, Depends(open_session)]
protected = [Depends(claims)]


@app.post("/auth/login")
def login(data: Login) -> dict[str, str]:
    if not verify(data.username, data.password):
        raise HTTPException(401)
    return tokens.issue(data.username)


@app.get("/api/ships", response_model=list[Ship])
async def read_all(session: Session):
    return (await session.scalars(select(ShipRow).order_by(ShipRow.id))).all()


async def found(id: int, session: Session) -> ShipRow:
    row = await session.get(ShipRow, id)
    if row is None:
        raise HTTPException(404)
    return row


@app.get("/api/ships/{id}", response_model=Ship)
async def read(row: Annotated[ShipRow, Depends(found)]):
    return row


@app.get("/bench/ships/{id}", response_model=Ship, dependencies=protected)
async def read_own(row: Annotated[ShipRow, Depends(found)]):
    return row


@app.put("/api/ships/{id}", response_model=Ship, dependencies=protected)
async def replace(row: Annotated[ShipRow, Depends(found)], data: ShipFields, session: Session):
    for name, value in data.model_dump().items():
        setattr(row, name, value)
    await session.commit()
    return row


@app.post("/api/ships", status_code=201, response_model=Ship, dependencies=protected)
async def add(data: ShipFields, request: Request, response: Response, session: Session):
    row = ShipRow(**data.model_dump())
    session.add(row)
    await session.commit()
    response.headers["Location"] = str(request.url_for("read", id=row.id))
    return row
