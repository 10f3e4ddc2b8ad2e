// The socketmap protocol, cut at every place.

import Serve
import Testing
import ZRouteTestKit

@Suite struct SocketmapTests {
    @Test func answersWhatIsAsked() {
        #expect(Dialogue.play(Socketmap(), "11:alias a@b.c,") == "14:OK alias|a@b.c,")
    }
}
