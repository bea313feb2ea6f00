"""Variables of the environment, and what production refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import settings
from config.errors import ConfigError


def refused(**env: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        settings.load(env=env)
    assert all(problem.where == "environment" and problem.remedy for problem in caught.value.problems)
    return {problem.key: f"{problem.what} — {problem.remedy}" for problem in caught.value.problems}


PRODUCTION = {"HOTLINE_ENV": "production", "HOTLINE_ADVERTISE": "203.0.113.10"}


def test_development_needs_nothing_and_stays_on_loopback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = settings.load(env={})
    assert (loaded.env, loaded.bind, loaded.advertise) == ("development", "127.0.0.1", "127.0.0.1")
    assert (loaded.sip_port, loaded.sip_tls_port, loaded.trunk_port, loaded.http_port) == (5060, 5061, 5080, 8000)
    assert tuple(loaded.rtp_ports) == (16384, 32767)
    assert loaded.data_dir == tmp_path / "data"
    assert loaded.redis_embedded
    assert loaded.redis_url == f"unix://{loaded.valkey_socket}"
    assert loaded.database_url == f"sqlite+aiosqlite:///{tmp_path}/data/hotline.db"
    assert loaded.warnings == ()


def test_every_variable_is_taken(tmp_path: Path) -> None:
    loaded = settings.load(
        env={
            "HOTLINE_BIND": "0.0.0.0",
            "HOTLINE_ADVERTISE": "192.0.2.1",
            "HOTLINE_SIP_PORT": "15060",
            "HOTLINE_SIP_TLS_PORT": "15061",
            "HOTLINE_TRUNK_PORT": "15080",
            "HOTLINE_HTTP_PORT": "18000",
            "HOTLINE_SIP_REALM": "km",
            "HOTLINE_RTP_PORTS": "20000-29999",
            "HOTLINE_DATA_DIR": str(tmp_path),
            "HOTLINE_CONFIG_DIR": str(settings.DEFAULT_FOLDER),
            "HOTLINE_REDIS_URL": "redis://127.0.0.1:6379/3",
            "HOTLINE_DATABASE_URL": "postgresql://u:p@db/x",
            "HOTLINE_DEMO_PASSWORD": "correct horse",
            "HOTLINE_LOG_LEVEL": "debug",
            "HOTLINE_HTTPS": "on",
            "HOTLINE_PUBLIC_URL": "https://hotline.example.cn/",
            "HOTLINE_PROXIES": "10.0.0.1, 10.1.0.0/16,::1",
            "HOTLINE_METRICS_FROM": "10.2.0.9",
            "HOTLINE_OIDC_ISSUER": "https://id.example.cn/realms/km",
            "HOTLINE_OIDC_CLIENT_ID": "hotline",
            "HOTLINE_OIDC_CLIENT_SECRET": "pass-word-4",
            "HOTLINE_SMS_SECRET": "pass-word-5",
            "PATH": "/bin",
        }
    )
    assert (loaded.bind, loaded.advertise, loaded.realm) == ("0.0.0.0", "192.0.2.1", "km")
    assert (loaded.sip_port, loaded.sip_tls_port, loaded.trunk_port, loaded.http_port) == (15060, 15061, 15080, 18000)
    assert (loaded.rtp_ports.low, len(loaded.rtp_ports)) == (20000, 10000)
    assert loaded.redis_url == "redis://127.0.0.1:6379/3"
    assert not loaded.redis_embedded
    assert loaded.database_url == "postgresql+psycopg://u:p@db/x"
    assert loaded.log_level == "debug"
    assert (loaded.https, loaded.public_url) == (True, "https://hotline.example.cn")
    assert [str(one) for one in loaded.proxies] == ["10.0.0.1/32", "10.1.0.0/16", "::1/128"]
    assert [str(one) for one in loaded.metrics_from] == ["10.2.0.9/32"]
    assert loaded.oidc == settings.Oidc("https://id.example.cn/realms/km", "hotline", "pass-word-4")
    assert loaded.sms_secret is not None
    assert loaded.sms_secret.get_secret_value() == "pass-word-5"
    assert "pass-word" not in repr(loaded)


def test_an_empty_variable_counts_as_not_set() -> None:
    assert settings.load(env={"HOTLINE_BIND": "", "HOTLINE_RTP_PORTS": ""}).bind == "127.0.0.1"


def test_secrets_do_not_show_in_the_settings() -> None:
    loaded = settings.load(
        env={
            "HOTLINE_DEMO_PASSWORD": "pass-word-1",
            "HOTLINE_REDIS_URL": "redis://:pass-word-2@h/0",
            "HOTLINE_DATABASE_URL": "postgresql://u:pass-word-3@h/d",
        }
    )
    assert "pass-word" not in repr(loaded)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("HOTLINE_SIPPORT", "5060", "did you mean HOTLINE_SIP_PORT?"),
        ("hotline_sip_port", "5060", "is no variable that is known"),
        ("HOTLINE_ENV", "prod", "'development' or 'production'"),
        ("HOTLINE_SIP_PORT", "70000", "at most 65535"),
        ("HOTLINE_SIP_PORT", "sip", "is no number"),
        ("HOTLINE_BIND", "localhost", "IP address"),
        ("HOTLINE_RTP_PORTS", "16384", "two port numbers"),
        ("HOTLINE_RTP_PORTS", "16385-20000", "even port"),
        ("HOTLINE_RTP_PORTS", "16384-40001", "ephemeral"),
        ("HOTLINE_RTP_PORTS", "512-2047", "below 1024"),
        ("HOTLINE_RTP_PORTS", "20000-16385", "lower port first"),
        ("HOTLINE_SIP_REALM", "a b", "form that is not allowed"),
        ("HOTLINE_DATABASE_URL", "mysql://u:topsecret@h/d", "postgresql://USER:PASSWORD@HOST/NAME"),
        ("HOTLINE_REDIS_URL", "http://:topsecret@h", "redis://"),
        ("HOTLINE_DEMO_PASSWORD", "short", "8 characters"),
        ("HOTLINE_TLS_CERTIFICATE", "/nowhere.pem", "there is no file /nowhere.pem"),
        ("HOTLINE_HTTP_PORT", "5080", "HOTLINE_TRUNK_PORT's already"),
        ("HOTLINE_HTTP_PORT", "20000", "lies in HOTLINE_RTP_PORTS"),
        ("HOTLINE_BIND", "0.0.0.0", "phones and trunks"),
        ("HOTLINE_HTTPS", "yes", "'auto', 'on' or 'off'"),
        ("HOTLINE_PROXIES", "proxy.example", "with commas between"),
        ("HOTLINE_METRICS_FROM", "10.0.0.1;10.0.0.2", "with commas between"),
        ("HOTLINE_PUBLIC_URL", "http://hotline.example.cn", "for this machine only"),
        ("HOTLINE_PUBLIC_URL", "https://u:topsecret@h/", "such as https://"),
        ("HOTLINE_OIDC_ISSUER", "id.example.cn", "such as https://"),
        ("HOTLINE_OIDC_ISSUER", "https://id.example.cn", "set HOTLINE_OIDC_CLIENT_ID, HOTLINE_OIDC_CLIENT_SECRET too"),
        ("HOTLINE_OIDC_CLIENT_SECRET", "topsecret", "HOTLINE_OIDC_ISSUER"),
    ],
)
def test_a_wrong_variable_is_told_with_a_remedy(variable: str, value: str, words: str) -> None:
    told = " ".join(refused(**{variable: value}).values())
    assert words in told
    assert "topsecret" not in told


def test_too_few_rtp_ports_for_the_rooms_are_told_where_the_rooms_are() -> None:
    with pytest.raises(ConfigError) as caught:
        settings.load(env={"HOTLINE_RTP_PORTS": "20000-20063"})
    (problem,) = caught.value.problems
    assert problem.where.endswith("limits.yaml")
    assert "has 64" in problem.what


def test_production_listens_everywhere_and_warns_of_what_one_machine_is_for() -> None:
    loaded = settings.load(env=PRODUCTION)
    assert (loaded.bind, loaded.advertise) == ("0.0.0.0", "203.0.113.10")
    assert loaded.tls_certificate is None
    assert any("SQLite" in warning for warning in loaded.warnings)
    assert any("loopback" in warning for warning in loaded.warnings)


def test_development_speaks_plain_http_unless_asked(tmp_path: Path) -> None:
    plain = settings.load(env={"HOTLINE_DATA_DIR": str(tmp_path)})
    settings.check_http(plain)
    assert not plain.https
    assert settings.load(env={"HOTLINE_DATA_DIR": str(tmp_path), "HOTLINE_HTTPS": "on"}).https


def certified(folder: Path) -> dict[str, str]:
    files = {"HOTLINE_TLS_CERTIFICATE": folder / "c.pem", "HOTLINE_TLS_KEY": folder / "k.pem"}
    for file in files.values():
        file.write_text("")
    return {name: str(file) for name, file in files.items()}


def test_production_with_a_certificate_speaks_https(tmp_path: Path) -> None:
    env = PRODUCTION | certified(tmp_path)
    secure = settings.load(env=env)
    settings.check_http(secure)
    assert secure.https
    with pytest.raises(ConfigError):
        settings.check_http(settings.load(env=env | {"HOTLINE_HTTPS": "off"}))


def test_production_serves_no_http_in_clear_beyond_loopback_but_to_a_proxy() -> None:
    plain = settings.load(env=PRODUCTION)  # a call core or worker alone needs no certificate
    with pytest.raises(ConfigError) as caught:
        settings.check_http(plain)
    (problem,) = caught.value.problems
    assert (problem.key, "HOTLINE_PROXIES" in problem.remedy) == ("HOTLINE_HTTPS", True)
    for allowed in ({"HOTLINE_PROXIES": "10.0.0.1"}, {"HOTLINE_BIND": "127.0.0.1"}):
        settings.check_http(settings.load(env=PRODUCTION | allowed))
    assert set(refused(**PRODUCTION, HOTLINE_HTTPS="on")) == {"HOTLINE_HTTPS"}


def test_production_asks_for_the_advertised_address() -> None:
    assert "HOTLINE_ADVERTISE" in refused(HOTLINE_ENV="production")
    assert "HOTLINE_ADVERTISE" in refused(HOTLINE_ENV="production", HOTLINE_ADVERTISE="0.0.0.0")


def test_production_refuses_a_demo_password() -> None:
    assert set(refused(**PRODUCTION, HOTLINE_DEMO_PASSWORD="correct horse")) == {"HOTLINE_DEMO_PASSWORD"}


@pytest.mark.parametrize("url", ["redis://127.0.0.1:6379/0", "rediss://cache/0", "redis://user@h/0"])
def test_production_refuses_redis_on_the_network_without_password(url: str) -> None:
    assert set(refused(**PRODUCTION, HOTLINE_REDIS_URL=url)) == {"HOTLINE_REDIS_URL"}


@pytest.mark.parametrize("url", ["redis://:secret@h/0", "unix:///run/valkey.sock"])
def test_production_takes_redis_with_password_or_on_a_unix_socket(url: str) -> None:
    assert settings.load(env={**PRODUCTION, "HOTLINE_REDIS_URL": url}).redis_url == url


def test_sockets_of_a_long_data_folder_lie_in_a_short_one(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 90)
    loaded = settings.load(env={"HOTLINE_DATA_DIR": str(long)})
    assert loaded.run_dir.parent == Path("/tmp")
    assert len(str(loaded.run_dir)) + 1 + settings.SOCKET_NAME_LIMIT <= settings.SOCKET_PATH_LIMIT
    assert loaded.run_dir == settings.load(env={"HOTLINE_DATA_DIR": str(long)}).run_dir
    assert settings.load(env={"HOTLINE_DATA_DIR": "/d"}).run_dir == Path("/d/run")
