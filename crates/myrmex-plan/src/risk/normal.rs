//! The normal distribution, with the same bytes on every machine: only arithmetic that IEEE 754 defines and functions of `libm`.

/// Returns the share of a standard normal distribution below `value`.
pub(super) fn share_below(value: f64) -> f64 {
    0.5 * libm::erfc(-value * core::f64::consts::FRAC_1_SQRT_2)
}

/// Returns the value that `share` of a standard normal distribution lies below; `share` lies between 0 and 1 and is neither.
///
/// Algorithm AS 241, `PPND16` (Wichura, "The percentage points of the normal distribution", Applied Statistics 37, 1988): exact to
/// about one part in 10^16.
pub(super) fn value_at(share: f64) -> f64 {
    let off = share - 0.5;
    if off.abs() <= 0.425 {
        let r = 0.180_625 - off * off;
        return off * polynomial(&MIDDLE.0, r) / polynomial(&MIDDLE.1, r);
    }
    let tail = if off < 0.0 { share } else { 1.0 - share };
    let r = (-libm::log(tail)).sqrt();
    let value = if r <= 5.0 {
        polynomial(&NEAR.0, r - 1.6) / polynomial(&NEAR.1, r - 1.6)
    } else {
        polynomial(&FAR.0, r - 5.0) / polynomial(&FAR.1, r - 5.0)
    };
    if off < 0.0 { -value } else { value }
}

/// Returns the polynomial with these coefficients, the constant first.
fn polynomial(coefficients: &[f64; 8], at: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, coefficient| sum * at + coefficient)
}

/// Up to 0.425 from the middle: numerator and denominator.
const MIDDLE: ([f64; 8], [f64; 8]) = (
    [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_545,
    ],
);

/// Further out, while the root of the logarithm of the tail is at most 5.
const NEAR: ([f64; 8], [f64; 8]) = (
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        0.000_774_545_014_278_341_4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        0.000_547_593_808_499_534_5,
        0.000_000_001_050_750_071_644_416_9,
    ],
);

/// Beyond that.
const FAR: ([f64; 8], [f64; 8]) = (
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        0.000_027_115_555_687_434_876,
        0.000_000_201_033_439_929_228_8,
    ],
    [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        0.000_786_869_131_145_613_3,
        0.000_018_463_183_175_100_548,
        0.000_000_142_151_175_831_644_6,
        0.000_000_000_000_002_044_263_103_389_939_8,
    ],
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_percentage_points_come_out() {
        // The values that AS 241 prints as its check, and the usual ones.
        let check = |share, expected: f64| assert!((value_at(share) - expected).abs() < 1e-12, "{share}");
        check(0.25, -0.674_489_750_196_081_7);
        check(0.001, -3.090_232_306_167_813_6);
        check(1e-20, -9.262_340_089_798_408);
        check(0.5, 0.0);
        check(0.975, 1.959_963_984_540_054);
    }

    #[test]
    fn the_two_undo_each_other() {
        for step in 1..1_000 {
            let share = f64::from(step) / 1_000.0;
            assert!((share_below(value_at(share)) - share).abs() < 1e-14);
        }
    }
}
