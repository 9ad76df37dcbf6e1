# Sourced by every task of the crash tests: keeps the ledger that `myrmex_testkit::history` judges by.
# One `printf` to a file opened for appending is one write, so lines of several processes do not mix.
note() {
    printf '%s %s %s %s %s %s\n' \
        "$1" "$MYRMEX_RUN" "$MYRMEX_TASK" "$MYRMEX_ATTEMPT" "$MYRMEX_FENCING_TOKEN" "$$" >> "$LEDGER"
}

# Gives `value` as the task's output and writes the last line.
give() {
    printf 'value=%s\n' "$1" > "$MYRMEX_OUTPUT"
    note end
}

note start
