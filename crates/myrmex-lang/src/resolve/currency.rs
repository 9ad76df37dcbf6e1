//! Finds prices in a currency that is not that of the file: sums over both would mean nothing.

use myrmex_model::planning::Price;

use crate::codes;
use crate::outline::Spot;
use crate::report::Report;

/// Reports the first price of each further currency; the first price of the file says which is right.
pub(super) fn check(prices: &[Spot<Price>], report: &mut Report) {
    let Some((first, rest)) = prices.split_first() else { return };
    let mut seen = vec![first.value.currency];
    for price in rest {
        let currency = price.value.currency;
        if seen.contains(&currency) {
            continue;
        }
        seen.push(currency);
        let message = format!("this is in {currency}, and others are in {}", first.value.currency);
        let diagnostic = report.error(codes::CURRENCY, price.place, message);
        let diagnostic = diagnostic.with_related(report.span(first.place), "the first amount");
        report.push(diagnostic.with_hint(format!("convert it to {}", first.value.currency)));
    }
}
