//! Tests of earned value against figures computed elsewhere, to six decimals.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::disallowed_methods, reason = "tests read files")]

use std::path::Path;

use myrmex_plan::earned::{Ratio, Standing, earned_time};
use myrmex_plan::problem::Money;
use serde_json::Value;

/// Reads a number of the file as millionths: they are written with at most six decimals.
fn millionths(value: &Value) -> i128 {
    #[expect(clippy::cast_possible_truncation, reason = "amounts of a hundred thousand")]
    let whole = (value.as_f64().unwrap() * 1_000_000.0).round() as i128;
    whole
}

fn vectors() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests-data/planning/vectors/evm.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn every_figure_of_earned_value_is_that_of_the_vectors() {
    let vectors = vectors();
    let cases = vectors["evm"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let money = |key: &str| Money(millionths(&case[key]));
        let figures =
            Standing { budget: money("BAC"), planned: money("PV"), earned: money("EV"), actual: money("AC") }
                .figures();
        let ratio = |key: &str| Some(Ratio(millionths(&case[key])));
        assert_eq!(figures.cost_variance, money("CV"));
        assert_eq!(figures.time_variance, money("SV"));
        assert_eq!(figures.cost_performance, ratio("CPI"));
        assert_eq!(figures.time_performance, ratio("SPI"));
        assert_eq!(figures.at_completion, Some(money("EAC_typical")));
        assert_eq!(figures.at_completion_as_planned, money("EAC_atypical"));
        assert_eq!(figures.at_completion_with_time, Some(money("EAC_cpi_spi")));
        assert_eq!(figures.to_complete, Some(money("ETC_typical")));
        assert_eq!(figures.variance_at_completion, Some(money("VAC_typical")));
        assert_eq!(figures.needed_for_budget, ratio("TCPI_BAC"));
        assert_eq!(figures.needed_for_forecast, ratio("TCPI_EAC"));
    }
}

#[test]
fn every_figure_of_earned_time_is_that_of_the_vectors() {
    let vectors = vectors();
    let cases = vectors["earned_schedule"].as_array().unwrap();
    assert_eq!(cases.len(), 4);
    for case in cases {
        let planned: Vec<Money> =
            case["pv_cumulative"].as_array().unwrap().iter().map(|value| Money(millionths(value))).collect();
        let now = Ratio(millionths(&case["at_period"]));
        let figures = earned_time(&planned, Money(millionths(&case["ev"])), now).unwrap();
        let ratio = |key: &str| Ratio(millionths(&case[key]));
        assert_eq!(figures.earned, ratio("earned_schedule"));
        assert_eq!(figures.variance, ratio("sv_t"));
        assert_eq!(figures.performance, Some(ratio("spi_t")));
        assert_eq!(figures.duration, Some(ratio("ieac_t")));
    }
}
