//! Reading JSON element by element. A document of a few megabytes can be made of millions of small
//! values, and each of them would become a value of many times its length. What is read here is kept
//! up to a bound or not at all, so the memory does not grow with the document.

use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The first `N` elements of an array, and how many there are. The others are skipped.
#[derive(Debug, Default)]
pub struct FirstOf<T, const N: usize> {
    /// The first elements, `N` at most.
    pub first: Vec<T>,
    /// How many elements the array has.
    pub count: usize,
}

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for FirstOf<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<T, const N: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for Elements<T, N> {
            type Value = FirstOf<T, N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sequence")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
                let mut first = Vec::new();
                while first.len() < N {
                    let Some(element) = array.next_element()? else { break };
                    first.push(element);
                }
                let mut count = first.len();
                while array.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(FirstOf { first, count })
            }
        }

        deserializer.deserialize_seq(Elements(PhantomData))
    }
}

/// JSON in which no object has a name twice. Of two values the last would count, without a word.
#[derive(Clone, Copy, Debug)]
pub struct WithoutRepeatedNames;

impl<'de> Deserialize<'de> for WithoutRepeatedNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = WithoutRepeatedNames;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(WithoutRepeatedNames)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(WithoutRepeatedNames)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(WithoutRepeatedNames)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(WithoutRepeatedNames)
            }

            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(WithoutRepeatedNames)
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(WithoutRepeatedNames)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
                while array.next_element::<WithoutRepeatedNames>()?.is_some() {}
                Ok(WithoutRepeatedNames)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
                let mut names = BTreeSet::new();
                while let Some(name) = object.next_key::<String>()? {
                    object.next_value::<WithoutRepeatedNames>()?;
                    if let Some(name) = names.replace(name) {
                        return Err(A::Error::custom(format_args!("{name:?} stands twice")));
                    }
                }
                Ok(WithoutRepeatedNames)
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// Calls `each` with every name and value of an object, in their order. A name that stands twice is
/// passed on twice. `expected` says in errors what should have been there, such as `"an object"`.
///
/// # Errors
///
/// The deserializer's, and the sentence with which `each` refuses an entry.
pub fn each_entry<'de, D, V, F>(
    deserializer: D,
    expected: &'static str,
    each: F,
) -> Result<(), D::Error>
where
    D: Deserializer<'de>,
    V: Deserialize<'de>,
    F: FnMut(String, V) -> Result<(), String>,
{
    struct Entries<V, F> {
        expected: &'static str,
        each: F,
        values: PhantomData<V>,
    }

    impl<'de, V, F> Visitor<'de> for Entries<V, F>
    where
        V: Deserialize<'de>,
        F: FnMut(String, V) -> Result<(), String>,
    {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.expected)
        }

        fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<(), A::Error> {
            while let Some((name, value)) = object.next_entry()? {
                (self.each)(name, value).map_err(A::Error::custom)?;
            }
            Ok(())
        }
    }

    deserializer.deserialize_map(Entries { expected, each, values: PhantomData })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_behind_the_first_are_counted_and_not_kept() {
        let read =
            |json| serde_json::from_str::<FirstOf<u8, 2>>(json).map(|it| (it.first, it.count));
        assert_eq!(read("[]").unwrap(), (vec![], 0));
        assert_eq!(read("[1]").unwrap(), (vec![1], 1));
        assert_eq!(read(r#"[1, 2, "three", []]"#).unwrap(), (vec![1, 2], 4));
        assert!(read(r#"[1, "two"]"#).is_err());
        let error = read("{}").unwrap_err().to_string();
        assert!(error.starts_with("invalid type: map, expected a sequence"), "{error}");
    }

    #[test]
    fn every_entry_is_passed_on_and_one_can_be_refused() {
        let read = |json| {
            let mut names = Vec::new();
            let mut json = serde_json::Deserializer::from_str(json);
            each_entry(&mut json, "an object", |name: String, value: u8| {
                names.push(name);
                if value == 7 { Err("seven is refused".to_owned()) } else { Ok(()) }
            })
            .map(|()| names)
            .map_err(|error| error.to_string())
        };
        assert_eq!(read(r#"{"b": 1, "a": 2, "b": 3}"#).unwrap(), ["b", "a", "b"]);
        let error = read(r#"{"b": 7}"#).unwrap_err();
        assert!(error.starts_with("seven is refused at line 1"), "{error}");
        let error = read(r#"{"b": "x"}"#).unwrap_err();
        assert!(error.starts_with("invalid type: string"), "{error}");
        let error = read("[]").unwrap_err();
        assert!(error.starts_with("invalid type: sequence, expected an object"), "{error}");
    }
}
