//! Secrets and artifacts: what they become and what is wrong with them.

use super::check_body;
use super::nodes::assert_nodes;

#[test]
fn variables_that_name_secrets_become_lists_of_parts() {
    assert_nodes(
        "
        inputs: {token: {type: secret}, n: {type: integer, default: 1}}
        defaults: {env: {ALL: '${{ secrets.ALL }}'}}
        tasks:
          a:
            run: x
            env: {A: '${{ secrets.A }}', B: 'Bearer ${{inputs.token}}, ${{ inputs.n }} times', C: '${{ inputs.n }}', ALL: own}
            secrets: [KEY]
          b:
            env: {T: '${{ inputs.token }}', S: '${{ secrets.S }}'}
            do: [{c: {run: x}}]
        ",
        r#"
        0 - w: graph 
        1 0 a: process {"script":"x","env":{"C":<inputs.n>,"ALL":"own"},"secret_env":{"A":[{"secret":"A"}],"B":["Bearer ",{"secret":<inputs.token>},", ","<inputs.n>"," times"],"KEY":[{"secret":"KEY"}]}}
        2 0 b: flow c continue
        3 2 c: process {"script":"x","secret_env":{"ALL":[{"secret":"ALL"}],"T":[{"secret":<inputs.token>}],"S":[{"secret":"S"}]}}
        "#,
    );
}

#[test]
fn secrets_are_named_in_variables_only() {
    check_body(
        "
        inputs: {token: {type: secret, default: MAIN}, bad: {type: secret, pattern: x, default: a b}}
        tasks:
          a: {run: 'echo ${{ raw(secrets.A) }}', env: {A: '${{ secrets.A | upper }}', B: '${{ inputs.token ~ 1 }}'}}
          b: {set: {a: '${{ secrets.A }}', b: '${{ inputs.token }}'}}
          c: {run: x, if: secrets.A == 1, workdir: '${{ secrets.A }}', env: {A: ['${{ secrets.A }}']}}
          d: {run: x, secrets: [A-B, '${{ secrets.A }}'], outputs: {o: {type: secret}}}
          e: {set: {a: 1}, secrets: [A], artifacts: [x]}
          f: {run: x, env: {F: '${{ inputs.bad }}'}}
        outputs: {x: '${{ inputs.token }}'}
        ",
        r"
        E0305 2:68 the name of a secret has no pattern
        E0304 2:89 `bad`: it is not the name of a secret (letters, digits, `_` and `-`, at most 64)
        E0413 4:26 `secrets` can only be read in the value of a variable under `env`
        E0414 4:56 a secret can only be named, nothing else can be done with it here
          hint: write `${{ secrets.NAME }}` with text around it, and let the process do the rest
        E0414 4:87 a secret can only be named, nothing else can be done with it here
          hint: write `${{ secrets.NAME }}` with text around it, and let the process do the rest
        E0413 5:21 `secrets` can only be read in the value of a variable under `env`
        E0413 5:44 the input `token` of type `secret` can only be read in the value of a variable under `env`
        E0413 6:19 `secrets` can only be read in the value of a variable under `env`
        E0413 6:49 `secrets` can only be read in the value of a variable under `env`
        E0413 6:79 `secrets` can only be read in the value of a variable under `env`
        E0310 7:25 `A-B` cannot name an environment variable
          hint: write `env: {VARIABLE: '${{ secrets.NAME }}'}`
        E0407 7:30 the name of a secret must be fixed, an expression cannot stand here
        E0413 7:71 only an input is of type `secret`
        E0204 8:20 `secrets` has no effect here: the task does `set`
        E0204 8:34 `artifacts` has no effect here: the task does `set`
        E0413 10:19 the input `token` of type `secret` can only be read in the value of a variable under `env`
        ",
    );
}

#[test]
fn what_looks_like_a_secret_in_plain_text_is_a_warning() {
    check_body(
        "
        inputs: {api-key: {type: string, default: abc}, tokens: {type: integer, default: 5}}
        tasks:
          a: {run: x, env: {DB_PASSWORD: hunter2, TOKEN: '', SECRET: '${{ secrets.S }}', TOKEN_FILE: /x, MY_TOKEN: 5}}
          b: {set: '${{ [inputs[\"api-key\"], inputs.tokens] }}'}
        ",
        "
        W0204 2:43 `api-key` looks like a secret in plain text
          hint: store it as a secret and write `${{ secrets.api-key }}`
        W0204 4:34 `DB_PASSWORD` looks like a secret in plain text
          hint: store it as a secret and write `${{ secrets.DB_PASSWORD }}`
        W0204 4:108 `MY_TOKEN` looks like a secret in plain text
          hint: store it as a secret and write `${{ secrets.MY_TOKEN }}`
        ",
    );
}

#[test]
fn artifacts_are_named_paths() {
    assert_nodes(
        "
        tasks:
          a: {run: x, artifacts: {app: out/app, all: 'out/${{ run.id }}/*'}}
          b: {run: x, artifacts: [out/report.html, 'my app.tar.gz']}
          c: {for_each: [1], run: x, artifacts: [log.txt]}
          show: {set: '${{ [tasks.a.artifacts.app.hash, tasks.b.artifacts.report, tasks.c.items[0].artifacts.log] }}'}
        ",
        r#"
        0 - w: graph a->show on succeeded, b->show on succeeded, c->show on succeeded
        1 0 a: process {"script":"x","artifacts":{"app":"out/app","all":"out/<run.id>/*"}}
        2 0 b: process {"script":"x","artifacts":{"report":"out/report.html","my-app-tar":"my app.tar.gz"}}
        3 0 c: each item of [1] max None fail fast false body 4
        4 3 c: process {"script":"x","artifacts":{"log":"log.txt"}}
        5 0 show: value <[tasks.a.artifacts.app.hash, tasks.b.artifacts.report, tasks.c.items[0].artifacts.log]>
        "#,
    );
}

#[test]
fn artifacts_are_checked() {
    check_body(
        "
        tasks:
          a: {run: x, artifacts: {app: out/app, 1x: y, z: 3}}
          b: {run: x, artifacts: ['out/*', a/x.txt, b/x.html]}
          c: {run: x, artifacts: out}
          d: {set: '${{ [tasks.a.artifacts.ap, tasks.a.artifacts.app.bytes, tasks.d2.artifacts.x] }}'}
          d2: {set: {a: 1}}
        ",
        "
        E0208 3:41 `1x` cannot name an artifact: a name begins with a letter or `_`, not with `1`
          hint: begin it with a letter, or with `_`
        E0301 3:51 the path of the artifact `z` must be text, this is a number
          hint: put quotes around it
        E0208 4:27 `out/*` gives its artifact no name
          hint: write a map: `artifacts: {NAME: PATH}`
        E0208 4:45 two artifacts are called `x`
          4:36 first here
          hint: write a map: `artifacts: {NAME: PATH}`
        E0301 5:26 `artifacts` must be a map from names to paths, or a list of paths, this is text
        E0405 6:18 the task `a` keeps no artifact `ap`
          hint: did you mean `app`?
        E0405 6:40 the artifact `app` is a file, which has no field `bytes`
        E0405 6:69 the task `d2` keeps no artifact `x`
        ",
    );
}

#[test]
fn the_name_of_a_secret_is_passed_on() {
    super::check(
        "
        workflow: w
        inputs: {token: {type: secret}}
        tasks: {a: {workflow: w, with: {token: '${{ inputs.token }}'}}, b: {workflow: w, with: {token: 'x${{ inputs.token }}'}}}
        ",
        "
        E0413 3:102 the input `token` of type `secret` can only be read in the value of a variable under `env`
        ",
    );
}
