// The completions of shells: that bash loads ours, and is offered what there is.

import Testing
import ZRouteTestKit

@Suite struct CompletionTests {
    @Test(arguments: [("zroute rou", "route-test"), ("zroute rou", "route-queue"), ("zroute db ver", "verify")])
    func bashIsOfferedTheCommand(line: String, word: String) throws {
        let script = """
            set -e
            source "$0"
            COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS=($1)
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            words=$(complete -p zroute)
            function=${words##*-F } && function=${function%% *}
            set +e
            "$function" zroute "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        let file = try SourceTree.stage.get().file("usr/share/bash-completion/completions/zroute")
        let result = try runCommand("/bin/bash", ["--norc", "-c", script, file, line])
        #expect(result.errorText.isEmpty, "\(result.errorText)")
        #expect(result.text.split(separator: "\n").contains { $0.hasPrefix(word) }, "\(result.text)")
    }
}
