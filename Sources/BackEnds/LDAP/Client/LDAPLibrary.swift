// The functions of libldap that are used here. Their types are those of ldap.h of OpenLDAP 2.5, whose interface does not change
// within the version of its name.

import CLDAP
import Glibc
import System

/// The library, loaded when the first map that needs it is asked.
@safe
struct LDAPLibrary: Sendable {
    typealias Handle = OpaquePointer
    typealias Message = OpaquePointer
    typealias Text = UnsafeMutablePointer<CChar>
    typealias Texts = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    typealias Values = UnsafeMutablePointer<UnsafeMutablePointer<LDAPBytes>?>
    typealias Controls = UnsafeMutablePointer<UnsafeMutablePointer<LDAPControl>?>

    let initialize: @convention(c) (UnsafeMutablePointer<Handle?>?, UnsafePointer<CChar>?) -> Int32
    let unbind: @convention(c) (Handle?, Controls?, Controls?) -> Int32
    let setOption: @convention(c) (Handle?, Int32, UnsafeRawPointer?) -> Int32
    let getOption: @convention(c) (Handle?, Int32, UnsafeMutableRawPointer?) -> Int32
    let startTLS: @convention(c) (Handle?, Controls?, Controls?) -> Int32
    let bind:
        @convention(c) (
            Handle?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<LDAPBytes>?, Controls?, Controls?,
            UnsafeMutablePointer<Int32>?
        ) -> Int32
    let search:
        @convention(c) (
            Handle?, UnsafePointer<CChar>?, Int32, UnsafePointer<CChar>?, Texts?, Int32, Controls?, Controls?,
            UnsafeMutablePointer<timeval>?, Int32, UnsafeMutablePointer<Int32>?
        ) -> Int32
    let result:
        @convention(c) (
            Handle?, Int32, Int32, UnsafeMutablePointer<timeval>?, UnsafeMutablePointer<Message?>?
        ) -> Int32
    let firstMessage: @convention(c) (Handle?, Message?) -> Message?
    let nextMessage: @convention(c) (Handle?, Message?) -> Message?
    let messageType: @convention(c) (Message?) -> Int32
    let messageNumber: @convention(c) (Message?) -> Int32
    let freeMessage: @convention(c) (Message?) -> Int32
    let values: @convention(c) (Handle?, Message?, UnsafePointer<CChar>?) -> Values?
    let freeValues: @convention(c) (Values?) -> Void
    let parseResult:
        @convention(c) (
            Handle?, Message?, UnsafeMutablePointer<Int32>?, UnsafeMutablePointer<Text?>?,
            UnsafeMutablePointer<Text?>?, UnsafeMutablePointer<Texts?>?, UnsafeMutablePointer<Controls?>?, Int32
        ) -> Int32
    let entryControls: @convention(c) (Handle?, Message?, UnsafeMutablePointer<Controls?>?) -> Int32
    let freeControls: @convention(c) (Controls?) -> Void
    let parseIntermediate:
        @convention(c) (
            Handle?, Message?, UnsafeMutablePointer<Text?>?, UnsafeMutablePointer<UnsafeMutablePointer<LDAPBytes>?>?,
            UnsafeMutablePointer<Controls?>?, Int32
        ) -> Int32
    let freeBytes: @convention(c) (UnsafeMutablePointer<LDAPBytes>?) -> Void
    let freeText: @convention(c) (UnsafeMutableRawPointer?) -> Void
    let describe: @convention(c) (Int32) -> Text?

    /// Loads the library.
    init() throws(SharedLibraryError) {
        let library = try SharedLibrary("libldap-2.5.so.0", package: "libldap-2.5-0")
        func function<Function>(_ name: String, as type: Function.Type = Function.self) throws(SharedLibraryError)
            -> Function
        {
            // The types are those of ldap.h.
            unsafe try library.function("ldap_" + name, as: type)
        }
        unsafe initialize = try function("initialize")
        unsafe unbind = try function("unbind_ext_s")
        unsafe setOption = try function("set_option")
        unsafe getOption = try function("get_option")
        unsafe startTLS = try function("start_tls_s")
        unsafe bind = try function("sasl_bind")
        unsafe search = try function("search_ext")
        unsafe result = try function("result")
        unsafe firstMessage = try function("first_message")
        unsafe nextMessage = try function("next_message")
        unsafe messageType = try function("msgtype")
        unsafe messageNumber = try function("msgid")
        unsafe freeMessage = try function("msgfree")
        unsafe values = try function("get_values_len")
        unsafe freeValues = try function("value_free_len")
        unsafe parseResult = try function("parse_result")
        unsafe entryControls = try function("get_entry_controls")
        unsafe freeControls = try function("controls_free")
        unsafe parseIntermediate = try function("parse_intermediate")
        // Of liblber, which libldap brings along.
        unsafe freeBytes = try library.function(
            "ber_bvfree", as: (@convention(c) (UnsafeMutablePointer<LDAPBytes>?) -> Void).self)
        unsafe freeText = try function("memfree")
        unsafe describe = try function("err2string")
    }

    /// What the library calls a code.
    func words(for code: Int32) -> String {
        // Constants of the library.
        unsafe describe(code).map { unsafe String(cString: $0) } ?? "unknown"
    }
}

extension LDAPBytes {
    /// A copy of the bytes.
    var copy: [UInt8] {
        guard let start = unsafe start, let count = unsafe Int(exactly: count) else { return [] }
        // The library says how many there are.
        return unsafe Array(UnsafeRawBufferPointer(start: start, count: count))
    }
}

/// The numbers of ldap.h.
enum LDAPCode {
    static let success: Int32 = 0, operationsError: Int32 = 1, protocolError: Int32 = 2, timeLimitExceeded: Int32 = 3
    static let sizeLimitExceeded: Int32 = 4, authMethodNotSupported: Int32 = 7, strongerAuthRequired: Int32 = 8
    static let referral: Int32 = 10, adminLimitExceeded: Int32 = 11, unavailableCriticalExtension: Int32 = 12
    static let confidentialityRequired: Int32 = 13, noSuchAttribute: Int32 = 16
    static let noSuchObject: Int32 = 32, invalidDNSyntax: Int32 = 34, inappropriateAuthentication: Int32 = 48
    static let invalidCredentials: Int32 = 49, insufficientAccess: Int32 = 50, busy: Int32 = 51
    static let unavailable: Int32 = 52, unwillingToPerform: Int32 = 53, other: Int32 = 80
    static let syncRefreshRequired: Int32 = 4096
    static let serverDown: Int32 = -1, timeOut: Int32 = -5, filterError: Int32 = -7, noMemory: Int32 = -10
    static let connectError: Int32 = -11

    static let descriptor: Int32 = 0x0001, dereference: Int32 = 0x0002, referrals: Int32 = 0x0008
    static let protocolVersion: Int32 = 0x0011, resultCode: Int32 = 0x0031, diagnosticMessage: Int32 = 0x0032
    static let timeOutOption: Int32 = 0x5002, networkTimeOut: Int32 = 0x5005
    static let certificateAuthorities: Int32 = 0x6002, certificateDirectory: Int32 = 0x6003
    static let certificate: Int32 = 0x6004, key: Int32 = 0x6005, requireCertificate: Int32 = 0x6006
    static let cipherSuite: Int32 = 0x6008, newContext: Int32 = 0x600F
    static let neverRequired: Int32 = 0, demanded: Int32 = 2

    static let anyMessage: Int32 = -1
    static let oneMessage: Int32 = 0, allMessages: Int32 = 1
    static let bindResult: Int32 = 0x61, entry: Int32 = 0x64, searchResult: Int32 = 0x65, reference: Int32 = 0x73,
        intermediate: Int32 = 0x79
}
