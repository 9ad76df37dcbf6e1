//! Conditions that can never hold: statuses and enums, members of lists, and what a process prints.

use super::check;

#[test]
fn a_status_is_one_of_the_statuses() {
    check(
        "
        workflow: w
        tasks:
          a: {run: 'true'}
          b: {needs: {a: finished}, if: tasks.a.status == 'success', run: 'true'}
          c: {needs: {a: finished}, if: \"tasks.a.status in ['failure', 'timed_out']\", run: 'true'}
          d: {needs: {a: finished}, if: tasks.a.status == 'timedout' or tasks.a.status != 'failed', run: 'true'}
        finally: {run: 'echo', env: {OK: \"${{ run.status == 'done' }}\"}}
        ",
        "
        E0311 4:33 `tasks.a.status == 'success'` is never true: `tasks.a.status` is one of `pending`, `running`, `waiting`, `succeeded`, `failed`, `cancelled`, `timed_out`, `compensated`, `stuck`, `skipped`
          hint: did you mean `succeeded`?
        E0311 5:53 `'failure'` is never it: `tasks.a.status` is one of `pending`, `running`, `waiting`, `succeeded`, `failed`, `cancelled`, `timed_out`, `compensated`, `stuck`, `skipped`
          hint: did you mean `failed`?
        E0311 6:33 `tasks.a.status == 'timedout'` is never true: `tasks.a.status` is one of `pending`, `running`, `waiting`, `succeeded`, `failed`, `cancelled`, `timed_out`, `compensated`, `stuck`, `skipped`
          hint: did you mean `timed_out`?
        E0311 7:39 `run.status == 'done'` is never true: `run.status` is one of `pending`, `running`, `waiting`, `succeeded`, `failed`, `cancelled`, `timed_out`, `compensated`, `stuck`, `skipped`
        ",
    );
}

#[test]
fn an_enum_is_one_of_its_values() {
    check(
        "
        workflow: w
        inputs:
          region: {enum: [eu, us]}
          level: {type: integer, enum: [1, 2], required: false}
          regions: {type: array, items: {enum: [eu, us]}}
          tags: {type: array, items: {type: string}}
        tasks:
          a: {if: inputs.region == 'uss', run: 'true'}
          b: {if: inputs.level == 3 or inputs.level == none, run: 'true'}
          c: {if: \"'uk' in inputs.regions\", run: 'true'}
          d: {if: 5 in inputs.tags, run: 'true'}
          e: {for_each: '${{ inputs.regions }}', if: item == 'ue', run: 'true'}
          f:
            set: {size: small}
            outputs: {size: {enum: [small, large]}}
          g: {if: tasks.f.output.size == 'larg', run: 'true'}
          h: {if: inputs.region == 'eu' and 'eu' in inputs.regions and 'a' in inputs.tags, run: 'true'}
        ",
        "
        E0311 8:11 `inputs.region == 'uss'` is never true: `inputs.region` is one of `eu`, `us`
          hint: did you mean `us`?
        E0311 9:11 `inputs.level == 3` is never true: `inputs.level` is one of `1`, `2`, `null`
        E0311 10:12 `'uk' in inputs.regions` is never true: the members of `inputs.regions` are `eu`, `us`
          hint: did you mean `us`?
        E0311 11:11 `5 in inputs.tags` is never true: `5` is of type `integer`, the members of `inputs.tags` of type `string`
          hint: write `'5'`
        E0311 12:46 `item == 'ue'` is never true: `item` is one of `eu`, `us`
          hint: did you mean `eu`?
        E0311 16:11 `tasks.f.output.size == 'larg'` is never true: `tasks.f.output.size` is one of `small`, `large`
          hint: did you mean `large`?
        ",
    );
}

#[test]
fn what_a_process_prints_is_text() {
    check(
        "
        workflow: w
        tasks:
          a: {run: nproc}
          b: {if: tasks.a.output.stdout == 3, run: 'true'}
          c: {if: tasks.a.output.stdout, run: 'true'}
          d: {for_each: '${{ tasks.a.output.stdout }}', run: 'true'}
          e: {if: tasks.a.output == 'ok', run: 'true'}
          f: {run: 'echo n=3 >>\"$MYRMEX_OUTPUT\"'}
          g: {if: tasks.f.output.n == 3 or tasks.a.output.stdout == '3', run: 'true'}
        ",
        "
        W0210 4:11 `tasks.a.output.stdout == 3` is never true: `tasks.a.output.stdout` is of type `string`, `3` of type `integer`
          hint: write `'3'`
        W0210 5:11 a condition must be true or false, `tasks.a.output.stdout` is of type `string`
          hint: compare it with something
        W0210 6:22 `for_each` must be a list, a map, a count or a file, `tasks.a.output.stdout` is of type `string`
          hint: `tasks.a.output.stdout | lines` are its lines
        E0311 7:11 `tasks.a.output == 'ok'` is never true: `tasks.a.output` is of type `object`, `'ok'` of type `string`
          hint: what it printed is `tasks.a.output.stdout`
        ",
    );
}
