//! Money: decimal, never a floating number.

use std::fmt;
use std::str::FromStr;

/// How many parts one unit of a currency has.
const PARTS: i128 = 1_000_000;

/// The most digits before the point: more is a slip of the pen, and sums over every node of a definition still fit.
const WHOLE_DIGITS_MAX: usize = 15;

/// The most digits behind the point.
const PART_DIGITS_MAX: usize = 6;

/// An amount of a currency that is known from elsewhere, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(pub i128);

/// A currency: three capital letters, as ISO 4217 names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// Money with its currency, as people write it: `250000 EUR`, `2.10 EUR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// How much.
    pub money: Money,
    /// Of what.
    pub currency: Currency,
}

/// Why a text is not money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a decimal number.
    #[error("`{0}` is not an amount such as `80` or `2.10`")]
    Amount(String),
    /// More than fifteen digits before the point.
    #[error("the amount `{0}` is too large")]
    Large(String),
    /// More than six digits behind the point.
    #[error("the amount `{0}` has more than six digits behind the point")]
    Fine(String),
    /// No currency, or not one.
    #[error("`{0}` is not an amount with its currency, such as `80 EUR`")]
    Currency(String),
}

impl Currency {
    /// Returns its three letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only capital letters of ASCII are taken")
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        match text.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(MoneyError::Currency(text.to_owned())),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads a decimal number: digits, perhaps a point and up to six digits more, perhaps `-` before all.
impl FromStr for Money {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, text),
        };
        let (whole, part) =
            digits.split_once('.').map_or((digits, None), |(whole, part)| (whole, Some(part)));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if !is_number(whole) || part.is_some_and(|part| !is_number(part)) {
            return Err(MoneyError::Amount(text.to_owned()));
        }
        if whole.len() > WHOLE_DIGITS_MAX {
            return Err(MoneyError::Large(text.to_owned()));
        }
        let part = part.unwrap_or("0");
        if part.len() > PART_DIGITS_MAX {
            return Err(MoneyError::Fine(text.to_owned()));
        }
        let read = |digits: &str| digits.parse::<i128>().expect("it is a short row of digits");
        let missing = u32::try_from(PART_DIGITS_MAX - part.len()).expect("it is at most six");
        Ok(Self(sign * (read(whole) * PARTS + read(part) * 10_i128.pow(missing))))
    }
}

/// Shown with at least two digits behind the point unless it is whole: `80`, `2.10`, `0.000125`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) =
            (self.0.unsigned_abs() / PARTS.unsigned_abs(), self.0.unsigned_abs() % PARTS.unsigned_abs());
        if part == 0 {
            return write!(f, "{sign}{whole}");
        }
        let part = format!("{part:06}");
        let shown = part.trim_end_matches('0');
        write!(f, "{sign}{whole}.{shown:0<2}")
    }
}

impl FromStr for Price {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let wrong = || MoneyError::Currency(text.to_owned());
        let (amount, currency) = text.split_once(' ').ok_or_else(wrong)?;
        Ok(Self { money: amount.parse()?, currency: currency.parse().map_err(|_| wrong())? })
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.money, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_reads_back_what_it_shows() {
        for text in
            ["250000 EUR", "2.10 EUR", "0 USD", "-3.50 CHF", "0.000125 EUR", "999999999999999.999999 JPY"]
        {
            assert_eq!(text.parse::<Price>().unwrap().to_string(), text);
        }
        assert_eq!("2.1 EUR".parse::<Price>().unwrap().money, Money(2_100_000));
        assert_eq!("80".parse(), Ok(Money(80_000_000)));
        assert_eq!("007.50".parse::<Money>().unwrap().to_string(), "7.50");
    }

    #[test]
    fn what_is_not_money_is_refused() {
        for wrong in ["", "EUR", "80", "80EUR", "80 eur", "80 EURO", "80  EUR", "EUR 80", "80 €"] {
            assert!(wrong.parse::<Price>().is_err(), "{wrong}");
        }
        for wrong in ["", "-", ".5", "5.", "1,000", "1e3", "+5", "1.2.3", " 5"] {
            assert_eq!(wrong.parse::<Money>(), Err(MoneyError::Amount(wrong.into())), "{wrong}");
        }
        assert_eq!("1234567890123456".parse::<Money>(), Err(MoneyError::Large("1234567890123456".into())));
        assert_eq!("0.1234567".parse::<Money>(), Err(MoneyError::Fine("0.1234567".into())));
    }
}
