"""Django REST framework and simplejwt under gunicorn, without a database."""

from django.conf import settings

from bench.peers.passwords import verify
from bench.peers.shared import NEXT_ID, SECRET, SHIPS, USERS

settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticatedOrReadOnly"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
        "UNAUTHENTICATED_USER": None,
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY=SECRET,
    USE_I18N=False,
)

import django  # noqa: E402  # Django requires its settings first

django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import path, reverse  # noqa: E402
from rest_framework import serializers  # noqa: E402
from rest_framework.exceptions import AuthenticationFailed, NotFound  # noqa: E402
from rest_framework.permissions import AllowAny, IsAuthenticated  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402
from rest_framework_simplejwt.tokens import RefreshToken  # noqa: E402


class StrictInteger(serializers.IntegerField):
    def to_internal_value(self, data):
        return super().to_internal_value(data) if type(data) is int else self.fail("invalid")


class StrictText(serializers.CharField):
    def to_internal_value(self, data):
        return super().to_internal_value(data) if type(data) is str else self.fail("invalid")


class ShipSerializer(serializers.Serializer):
    id = serializers.IntegerField(read_only=True)
    affiliation = StrictText()
    category = StrictText()
    crew = StrictInteger(min_value=1, max_value=2**53 - 1)
    length = StrictInteger(min_value=1, max_value=2**53 - 1)
    manufacturer = StrictText()
    model = StrictText()
    roles = serializers.ListField(child=StrictText())
    ship_class = StrictText()

    def validate(self, attrs):
        unknown = set(self.initial_data) - set(self.fields)
        if unknown:
            raise serializers.ValidationError(dict.fromkeys(unknown, "Unknown field."))
        return attrs


class Login(APIView):
    permission_classes = (AllowAny,)

    def post(self, request):
        name = request.data["username"]
        if not verify(name, request.data["password"]):
            raise AuthenticationFailed
        token = RefreshToken()
        token["user_id"] = str(USERS[name])
        return Response({"access_token": str(token.access_token), "refresh_token": str(token)})


class Ships(APIView):
    def get(self, _request):
        return Response(ShipSerializer(SHIPS.values(), many=True).data)

    def post(self, request):
        data = _fields(request)
        id = next(NEXT_ID)
        SHIPS[id] = {"id": id, **data}
        location = request.build_absolute_uri(reverse("ship", args=[id]))
        return Response(ShipSerializer(SHIPS[id]).data, 201, headers={"Location": location})


class Ship(APIView):
    def get(self, _request, id):
        if id not in SHIPS:
            raise NotFound
        return Response(ShipSerializer(SHIPS[id]).data)

    def put(self, request, id):
        if id not in SHIPS:
            raise NotFound
        SHIPS[id] = {"id": id, **_fields(request)}
        return Response(ShipSerializer(SHIPS[id]).data)


class OwnShip(Ship):
    permission_classes = (IsAuthenticated,)


def _fields(request):
    serializer = ShipSerializer(data=request.data)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


urlpatterns = [
    path("auth/login", Login.as_view()),
    path("api/ships", Ships.as_view()),
    path("api/ships/<int:id>", Ship.as_view(), name="ship"),
    path("bench/ships/<int:id>", OwnShip.as_view()),
]
app = get_wsgi_application()
