//! The functions of JMESPath by name, and what arguments each takes.

/// How Python sums floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Summing {
    /// Plainly, one after the other, as before Python 3.12.
    Plain,
    /// What rounding loses is kept, and added at the end, as from Python 3.12 on.
    Compensated,
}

/// A function of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "JMESPath's names")]
pub enum Function {
    Abs,
    Avg(Summing),
    Ceil,
    Contains,
    EndsWith,
    Floor,
    Join,
    Keys,
    Length,
    Max,
    Merge,
    Min,
    NotNull,
    Reverse,
    Sort,
    StartsWith,
    Sum(Summing),
    ToArray,
    ToNumber,
    ToString,
    Type,
    Values,
}

/// A function that evaluates an expression on each element of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "JMESPath's names")]
pub enum KeyFunction {
    Map,
    MaxBy,
    MinBy,
    SortBy,
}

impl Function {
    /// The function of a name.
    pub fn of_name(name: &str, summing: Summing) -> Option<Self> {
        Some(match name {
            "abs" => Self::Abs,
            "avg" => Self::Avg(summing),
            "ceil" => Self::Ceil,
            "contains" => Self::Contains,
            "ends_with" => Self::EndsWith,
            "floor" => Self::Floor,
            "join" => Self::Join,
            "keys" => Self::Keys,
            "length" => Self::Length,
            "max" => Self::Max,
            "merge" => Self::Merge,
            "min" => Self::Min,
            "not_null" => Self::NotNull,
            "reverse" => Self::Reverse,
            "sort" => Self::Sort,
            "starts_with" => Self::StartsWith,
            "sum" => Self::Sum(summing),
            "to_array" => Self::ToArray,
            "to_number" => Self::ToNumber,
            "to_string" => Self::ToString,
            "type" => Self::Type,
            "values" => Self::Values,
            _ => return None,
        })
    }

    /// Whether it takes so many arguments.
    pub fn takes(self, arguments: usize) -> bool {
        match self {
            Self::Merge | Self::NotNull => arguments >= 1,
            Self::Contains | Self::EndsWith | Self::StartsWith | Self::Join => arguments == 2,
            _ => arguments == 1,
        }
    }
}

impl KeyFunction {
    /// The function of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "map" => Self::Map,
            "max_by" => Self::MaxBy,
            "min_by" => Self::MinBy,
            "sort_by" => Self::SortBy,
            _ => return None,
        })
    }
}
