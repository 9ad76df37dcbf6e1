# Sourced by every task: writes one line when the task starts and one when it ends, `RUN TASK ATTEMPT start|end`.
#
# The ledger is what really happened, told by nobody but the tasks themselves. The proof compares it with the events
# that myrmex recorded. A task that is killed writes no second line.

note() {
  printf '%s %s %s %s\n' "$MYRMEX_RUN" "$MYRMEX_TASK" "$MYRMEX_ATTEMPT" "$1" >>ledger.txt
}
note start
trap 'note end' EXIT
