//! The codes of all problems that `check` reports, each written once. A code never gets a second meaning.
//!
//! `E01xx` text and syntax · `E02xx` structure and graph · `E03xx` types and values · `E04xx` expressions ·
//! `E05xx` not supported yet · `E06xx` other files · `E08xx` defects of myrmex itself · `W` warnings, with the hundreds of the errors.

use myrmex_model::diagnostic::Code;

/// What is known of a code beside its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeInfo {
    /// The code.
    pub code: Code,
    /// What kind of problem it stands for, in one line.
    pub title: &'static str,
}

macro_rules! codes {
    ($($name:ident = $number:literal, $title:literal;)*) => {
        $(#[doc = concat!("`", $number, "`: ", $title, ".")] pub const $name: Code = Code($number);)*

        /// All codes in order of their numbers.
        pub const ALL: &[CodeInfo] = &[$(CodeInfo { code: $name, title: $title }),*];
    };
}

codes! {
    SYNTAX = "E0101", "the text is not YAML";
    TEXT_LONG = "E0102", "the text is too long";
    NESTING_DEEP = "E0103", "values nest too deep";
    DOCUMENT_SECOND = "E0104", "a file holds one document";
    KEY_DUPLICATE = "E0105", "a key stands twice in one map";
    TAB = "E0106", "a tab outside quotes";
    WORD_AMBIGUOUS = "E0107", "a bare word that some readers take for true or false";
    NUMBER_AMBIGUOUS = "E0108", "a bare number that readers take differently";
    NUMBER_RANGE = "E0109", "a number out of range";
    MERGE_KEY = "E0110", "a merge key";
    TAG = "E0111", "a tag";
    ALIAS = "E0112", "an alias that cannot be followed";
    ALIAS_EXPANSION = "E0113", "aliases that expand to too much";
    KEY_NOT_TEXT = "E0114", "a key that is not plain text";
    EMPTY = "E0115", "an empty file";

    KIND = "E0201", "the first key does not name the kind of the file";
    KEY_UNKNOWN = "E0202", "an unknown key";
    KEY_MISSING = "E0203", "a required key is missing";
    KEY_MISPLACED = "E0204", "a key that has no effect where it stands";
    BODY_COUNT = "E0205", "a workflow without exactly one body";
    VERB_COUNT = "E0206", "a task without exactly one verb";
    CYCLE = "E0207", "a dependency cycle between tasks";
    NAME = "E0208", "a text that is not a name";
    TASK_UNKNOWN = "E0209", "an unknown task";
    NEEDS_SELF = "E0210", "a task that needs itself";
    SWITCH_CASES = "E0211", "cases of a switch that cannot work";
    TASK_DEAD = "E0212", "a task that can never run";
    SCOPE_EMPTY = "E0213", "a body without tasks";
    FLOW_ITEM = "E0214", "an entry of a `do:` list that is not one named task";
    TASK_DUPLICATE = "E0215", "two tasks of one `do:` list with the same name";
    TASKS_MANY = "E0216", "too many tasks";
    HANDLER_NAME = "E0217", "a task called like a handler beside it";
    CATCH_DEAD = "E0218", "a `catch` that is never asked";
    CACHE_ONCE = "E0219", "a cache of what may be done only once";
    CACHE_SHARED = "E0220", "a cache key that is the same for all items";
    POOL_UNKNOWN = "E0231", "a pool that is declared nowhere";
    POOL_LARGE = "E0232", "more units of a pool than there are";
    HELD_AROUND = "E0233", "a demand that a block around can never leave";
    RESOURCE_LARGE = "E0234", "more of a resource than a worker has";
    NAME_TAKEN = "E0241", "a name that something else bears already";
    RESOURCE_UNKNOWN = "E0242", "a name that the resources of the workspace do not have";
    ITEM_UNKNOWN = "E0243", "a name that the project does not declare";
    LINK = "E0244", "a link between ends that cannot be linked";
    LEAD = "E0245", "a lead into work that cannot begin on a forecast";
    CREW_LARGE = "E0246", "more people of a role than there are";
    DELIVERABLE_UNMADE = "E0247", "a deliverable that no task makes";

    TYPE = "E0301", "a value of the wrong type";
    DURATION = "E0302", "a text that is not a duration";
    WORD = "E0303", "a word that is not one of those allowed";
    VALUE_MISFIT = "E0304", "a value that does not fit its own schema";
    SCHEMA = "E0305", "a schema that contradicts itself";
    PATTERN = "E0306", "a text that is not a regular expression";
    VERSION = "E0307", "a text that is not a semantic version";
    NUMBER_BOUND = "E0308", "a number that is too small or too large";
    INSTANT = "E0309", "a text that is not a time";
    VARIABLE = "E0310", "a text that cannot name an environment variable";
    TYPE_CLASH = "E0311", "a value whose type is known and cannot be right";
    SCHEMA_DEEP = "E0312", "a schema that nests too deep";
    TEXT_NUL = "E0313", "a text that no process can be given";
    SIZE = "E0321", "a text that is not a size";
    MONEY = "E0331", "a text that is not an amount of money";
    DATE = "E0332", "a text that is not a date";
    CURRENCY = "E0333", "amounts in several currencies";
    CALENDAR = "E0334", "days or hours of a calendar that cannot be";
    ZONE = "E0335", "an unknown time zone";
    DATES = "E0336", "dates that contradict each other";

    EXPRESSION = "E0401", "an expression that cannot be read";
    ROOT_UNKNOWN = "E0402", "an unknown name in an expression";
    INPUT_UNKNOWN = "E0403", "a reference to an unknown input";
    REFERENCE_UNKNOWN = "E0404", "a reference to an unknown task";
    FIELD_UNKNOWN = "E0405", "a reference to an unknown field";
    REFERENCE_EARLY = "E0406", "a reference to a task that cannot have finished";
    EXPRESSION_MISPLACED = "E0407", "an expression where a fixed value is needed";
    SCRIPT_HOLE = "E0408", "an expression in the text of a script";
    CONDITION_BRACES = "E0409", "braces around a condition";
    ROOT_MISPLACED = "E0410", "a name that holds nothing where it is used";
    REFERENCE_WHOLE = "E0411", "a reference that does not name its task or input";
    NAME_HIDDEN = "E0412", "a value for the tasks inside that means something else there";
    SECRET_MISPLACED = "E0413", "a secret where none can go";
    SECRET_FORM = "E0414", "an expression that does more than name a secret";
    REFERENCE_EMPTY = "E0415", "a reference that cannot have a value";

    KEY_LATER = "E0501", "a key that is not supported yet";
    // E0502 was a value that was not supported yet.
    ROOT_LATER = "E0503", "a name in an expression that is not supported yet";

    WORKFLOW_UNKNOWN = "E0601", "a workflow that is not found";
    WORKFLOW_AMBIGUOUS = "E0602", "a workflow that several files declare";
    VERSION_UNMET = "E0603", "a version that is not the one asked for";
    FILE_BROKEN = "E0604", "a file with errors that another one needs";
    GIVEN_UNKNOWN = "E0605", "a value for an input that does not exist";
    GIVEN_MISSING = "E0606", "a required input without a value";
    GIVEN_MISFIT = "E0607", "a value that does not fit the input it is given to";
    USE_FORM = "E0608", "a `use` that does not name an action";
    ACTION_UNKNOWN = "E0609", "an action that is not found";
    ACTION_CYCLE = "E0610", "an action that uses itself";

    UNREADABLE = "E0801", "a definition that could not be read back, a defect of myrmex";

    INPUT_UNUSED = "W0201", "an input that nothing uses";
    NEEDS_DUPLICATE = "W0202", "a task named twice in `needs`";
    PROBLEMS_MANY = "W0203", "more problems than are shown";
    SECRET_PLAIN = "W0204", "what looks like a secret in plain text";
    TIMEOUT_MISSING = "W0205", "processes without a limit of time";
    NUMBER_RESHAPED = "W0206", "a number that a process gets written differently";
    OUTPUT_DECLARED = "W0207", "outputs that declare where values belong";
    SCRIPT_FOLDED = "W0208", "lines of a script that become one";
    HOLE_FOREIGN = "W0209", "what other languages replace, and is text here";
    PRINTED_CLASH = "W0210", "what a process prints, taken for something else than text";
    KEY_OF_LIST = "W0211", "`key` where the items have no keys";
    DURATION_TEXT = "W0212", "durations compared as texts";
    CATCH_KIND = "W0213", "a `catch` for a type of error that nothing gives";
    LABEL_UNKNOWN = "W0221", "a label that no declared worker has";
    ROLE_EMPTY = "W0231", "a role that nobody has";
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn codes_are_unique_and_in_order() {
        assert!(ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
    }
}
