from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cimaise.settings import Settings, SettingsFault, environment_name, load
from cimaise.settings.parsing import parse_bytes, parse_duration, parse_pixels
from cimaise.settings.sections import knobs


def test_without_anything_every_value_is_its_default():
    assert load({}).settings == Settings()


def test_the_environment_is_above_the_file_and_the_file_above_defaults(tmp_path: Path):
    file = tmp_path / "cimaise.toml"
    file.write_text('[server]\nport = 4000\nhost = "0.0.0.0"\n[images]\nmax_width = 1000\n')
    loaded = load({"CIMAISE_SERVER_PORT": "5000"}, config=file)
    assert loaded.settings.server.port == 5000
    assert loaded.settings.server.host == "0.0.0.0"
    assert loaded.settings.images.max_width == 1000
    assert loaded.origins["server", "port"] == "CIMAISE_SERVER_PORT"
    assert loaded.origins["server", "host"] == str(file)


def test_the_command_line_is_above_all():
    loaded = load({"CIMAISE_SERVER_PORT": "5000"}, overrides={("server", "port"): "6000"})
    assert loaded.settings.server.port == 6000


def test_every_fault_is_reported_at_once_with_the_name_and_the_form():
    with pytest.raises(SettingsFault) as caught:
        load(
            {
                "CIMAISE_SERVER_PORT": "99999",
                "CIMAISE_UPLOADS_MAX_BYTES": "much",
                "CIMAISE_IMAGES_POLICY": "closed",
                "CIMAISE_NOTHING_LIKE_THIS": "1",
                "CIMAISE_UPLOADS_PART_BYTES": "1 MB",
            }
        )
    faults = caught.value.faults
    assert len(faults) == 5
    assert "CIMAISE_SERVER_PORT: expected at most 65535, not 99999" in faults
    assert any("CIMAISE_UPLOADS_MAX_BYTES: expected a number of bytes" in one for one in faults)
    assert "CIMAISE_IMAGES_POLICY: expected one of open, presets, signed" in faults
    assert "CIMAISE_NOTHING_LIKE_THIS: there is no such setting" in faults
    assert any("PART_BYTES: expected at least" in one for one in faults)


def test_unknown_names_in_the_file_are_faults(tmp_path: Path):
    file = tmp_path / "cimaise.toml"
    file.write_text("[server]\nprot = 1\n[sever]\nport = 1\n")
    with pytest.raises(SettingsFault) as caught:
        load({}, config=file)
    assert len(caught.value.faults) == 2


def test_a_file_that_is_no_toml_is_a_fault(tmp_path: Path):
    file = tmp_path / "cimaise.toml"
    file.write_text("port: 1")
    with pytest.raises(SettingsFault, match="cannot be read as TOML"):
        load({"CIMAISE_CONFIG": str(file)})


def test_an_empty_variable_counts_as_unset():
    assert load({"CIMAISE_SERVER_PORT": ""}).settings.server.port == 3023


def test_every_default_is_within_its_own_bounds():
    for section, name, knob, default in knobs():
        if isinstance(default, int | float) and not isinstance(default, bool):
            assert knob.low is None or default >= knob.low, (section, name)
            assert knob.high is None or default <= knob.high, (section, name)


def test_every_setting_has_a_sentence_and_a_variable_of_its_own():
    names = [environment_name(section, name) for section, name, _, _ in knobs()]
    assert len(set(names)) == len(names)
    assert all(knob.meaning.endswith(".") for _, _, knob, _ in knobs())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("50 MB", 50 * 1024**2),
        ("5tb", 5 * 1024**4),
        ("1.5 kb", 1536),
        ("2MiB", 2 * 1024**2),
    ],
)
def test_sizes_count_in_powers_of_1024(text: str, value: int):
    assert parse_bytes(text) == value


@pytest.mark.parametrize("text", ["", "MB", "-1", "1 XB", "1e3", "ten", "1 MB extra", "١"])
def test_what_is_no_size_is_refused(text: str):
    with pytest.raises(ValueError, match="number of bytes"):
        parse_bytes(text)


@pytest.mark.parametrize(("text", "value"), [("500ms", 0.5), ("15s", 15), ("24h", 86400), ("7", 7)])
def test_durations_become_seconds(text: str, value: float):
    assert parse_duration(text) == value


def test_pixels_count_in_millions():
    assert parse_pixels("100 MP") == 100_000_000


def test_networks_are_parsed():
    loaded = load({"CIMAISE_IMAGES_ALLOW_ADDRESSES": "127.0.0.0/8, ::1/128"})
    assert loaded.settings.images.allow_addresses == (
        ip_network("127.0.0.0/8"),
        ip_network("::1/128"),
    )


@given(st.text())
def test_any_text_for_any_setting_is_a_value_or_a_fault(text: str):
    for section, name, _, _ in knobs():
        try:
            load({}, overrides={(section, name): text})
        except SettingsFault as fault:
            assert len(fault.faults) == 1
