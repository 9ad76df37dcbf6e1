//! Makes the inputs of a run out of values that were given for them.

use crate::ir::Input;
use crate::schema::Type;
use crate::value::Value;

/// Why values cannot be the inputs of a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// There is no such input.
    #[error("unknown input `{name}`")]
    Unknown {
        /// The name that was given.
        name: String,
    },
    /// A required input was not given.
    #[error("the input `{name}` ({}) is required", kind.as_str())]
    Missing {
        /// Its name.
        name: String,
        /// Its type.
        kind: Type,
    },
    /// The value does not fit.
    #[error("the input `{name}`{place}: {message}")]
    Misfit {
        /// Its name.
        name: String,
        /// The place inside the value, such as `[2]`; empty for the value itself.
        place: String,
        /// What is wrong.
        message: String,
    },
}

/// Makes an object with every input of `declared` in order, defaults applied, null where an optional one was not given.
/// `matches` says whether a pattern matches somewhere in a text.
///
/// # Errors
///
/// Returns the first problem: of a name that is not declared, then of an input in the declared order.
pub fn check(
    declared: &[Input],
    given: &serde_json::Map<String, Value>,
    matches: &dyn Fn(&str, &str) -> bool,
) -> Result<Value, InputError> {
    let is_known = |name: &str| declared.iter().any(|input| input.name.as_str() == name);
    if let Some(name) = given.keys().find(|name| !is_known(name)) {
        return Err(InputError::Unknown { name: name.clone() });
    }
    let mut values = serde_json::Map::with_capacity(declared.len());
    for input in declared {
        let name = input.name.as_str().to_owned();
        let value = match (given.get(&name), &input.default) {
            // The default of a file is a path, which counts only where a person starts the run.
            (None, Some(default)) if input.schema.kind != Type::File => default.clone(),
            (None | Some(Value::Null), _) if input.is_optional => Value::Null,
            (None, _) => return Err(InputError::Missing { name, kind: input.schema.kind }),
            (Some(value), _) => {
                let value = input.schema.settled(value.clone());
                if let Err(wrong) = input.schema.check(&value, matches) {
                    return Err(InputError::Misfit { name, place: wrong.place, message: wrong.message });
                }
                value
            }
        };
        values.insert(name, value);
    }
    Ok(Value::Object(values))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::name::Name;
    use crate::schema::Schema;

    fn checked(given: Value) -> Result<String, String> {
        let input = |name: &str, default, is_optional| Input {
            name: Name::new(name).unwrap(),
            schema: Schema::of(Type::Integer),
            default,
            is_optional,
        };
        let declared = [input("n", None, false), input("d", Some(json!(3)), false), input("o", None, true)];
        let Value::Object(given) = given else { panic!("inputs are an object") };
        let checked = check(&declared, &given, &|_, _| true);
        checked.map(|value| value.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn inputs_are_completed_in_the_declared_order() {
        assert_eq!(checked(json!({"o": null, "n": 1})), Ok(r#"{"n":1,"d":3,"o":null}"#.into()));
    }

    #[test]
    fn a_number_without_fraction_is_an_integer() {
        assert_eq!(checked(json!({"n": 1.0, "d": -1e3})), Ok(r#"{"n":1,"d":-1000,"o":null}"#.into()));
        assert!(checked(json!({"n": 1.5})).is_err() && checked(json!({"n": 1e20})).is_err());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(checked(json!({})), Err("the input `n` (integer) is required".into()));
        assert_eq!(checked(json!({"n": 1, "x": 1})), Err("unknown input `x`".into()));
        assert!(checked(json!({"n": "a"})).is_err_and(|error| error.starts_with("the input `n`: ")));
        assert!(checked(json!({"n": 1, "d": null})).is_err());
    }
}
