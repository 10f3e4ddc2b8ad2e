// The functions of libpq that are used here. Their types are those of libpq-fe.h, whose interface has kept them since version 14
// (https://www.postgresql.org/docs/15/libpq.html).

import System

/// The library, loaded when the first map that needs it is asked.
@safe
struct PostgreSQLLibrary {
    typealias Text = UnsafePointer<CChar>
    typealias Texts = UnsafePointer<Text?>
    typealias Numbers = UnsafePointer<Int32>
    typealias NoticeProcessor = @convention(c) (UnsafeMutableRawPointer?, Text?) -> Void

    let connectStart: @convention(c) (Texts?, Texts?, Int32) -> OpaquePointer?
    let connectPoll: @convention(c) (OpaquePointer?) -> Int32
    let finish: @convention(c) (OpaquePointer?) -> Void
    let status: @convention(c) (OpaquePointer?) -> Int32
    let socket: @convention(c) (OpaquePointer?) -> Int32
    let errorMessage: @convention(c) (OpaquePointer?) -> Text?
    let parameterStatus: @convention(c) (OpaquePointer?, Text?) -> Text?
    let setNoticeProcessor:
        @convention(c) (OpaquePointer?, NoticeProcessor?, UnsafeMutableRawPointer?) -> NoticeProcessor?
    let setNonblocking: @convention(c) (OpaquePointer?, Int32) -> Int32
    let enterPipelineMode: @convention(c) (OpaquePointer?) -> Int32
    let pipelineSync: @convention(c) (OpaquePointer?) -> Int32
    let flush: @convention(c) (OpaquePointer?) -> Int32
    let consumeInput: @convention(c) (OpaquePointer?) -> Int32
    let isBusy: @convention(c) (OpaquePointer?) -> Int32
    let getResult: @convention(c) (OpaquePointer?) -> OpaquePointer?
    let sendPrepare: @convention(c) (OpaquePointer?, Text?, Text?, Int32, UnsafePointer<UInt32>?) -> Int32
    let sendDescribePrepared: @convention(c) (OpaquePointer?, Text?) -> Int32
    let sendQueryPrepared: @convention(c) (OpaquePointer?, Text?, Int32, Texts?, Numbers?, Numbers?, Int32) -> Int32
    let sendQueryParams:
        @convention(c) (
            OpaquePointer?, Text?, Int32, UnsafePointer<UInt32>?, Texts?, Numbers?, Numbers?, Int32
        ) -> Int32
    let notifies: @convention(c) (OpaquePointer?) -> OpaquePointer?
    let freeMemory: @convention(c) (UnsafeMutableRawPointer?) -> Void

    let resultStatus: @convention(c) (OpaquePointer?) -> Int32
    let resultErrorField: @convention(c) (OpaquePointer?, Int32) -> Text?
    let clear: @convention(c) (OpaquePointer?) -> Void
    let rowCount: @convention(c) (OpaquePointer?) -> Int32
    let columnCount: @convention(c) (OpaquePointer?) -> Int32
    let parameterCount: @convention(c) (OpaquePointer?) -> Int32
    let parameterType: @convention(c) (OpaquePointer?, Int32) -> UInt32
    let isNull: @convention(c) (OpaquePointer?, Int32, Int32) -> Int32
    let length: @convention(c) (OpaquePointer?, Int32, Int32) -> Int32
    let value: @convention(c) (OpaquePointer?, Int32, Int32) -> UnsafePointer<UInt8>?

    /// Loads the library.
    init() throws(SharedLibraryError) {
        let library = try SharedLibrary("libpq.so.5", package: "libpq5")
        func function<Function>(_ name: String, as type: Function.Type = Function.self) throws(SharedLibraryError)
            -> Function
        {
            // The types are those of libpq-fe.h.
            unsafe try library.function("PQ" + name, as: type)
        }
        unsafe connectStart = try function("connectStartParams")
        unsafe connectPoll = try function("connectPoll")
        unsafe finish = try function("finish")
        unsafe status = try function("status")
        unsafe socket = try function("socket")
        unsafe errorMessage = try function("errorMessage")
        unsafe parameterStatus = try function("parameterStatus")
        unsafe setNoticeProcessor = try function("setNoticeProcessor")
        unsafe setNonblocking = try function("setnonblocking")
        unsafe enterPipelineMode = try function("enterPipelineMode")
        unsafe pipelineSync = try function("pipelineSync")
        unsafe flush = try function("flush")
        unsafe consumeInput = try function("consumeInput")
        unsafe isBusy = try function("isBusy")
        unsafe getResult = try function("getResult")
        unsafe sendPrepare = try function("sendPrepare")
        unsafe sendDescribePrepared = try function("sendDescribePrepared")
        unsafe sendQueryPrepared = try function("sendQueryPrepared")
        unsafe sendQueryParams = try function("sendQueryParams")
        unsafe notifies = try function("notifies")
        unsafe freeMemory = try function("freemem")
        unsafe resultStatus = try function("resultStatus")
        unsafe resultErrorField = try function("resultErrorField")
        unsafe clear = try function("clear")
        unsafe rowCount = try function("ntuples")
        unsafe columnCount = try function("nfields")
        unsafe parameterCount = try function("nparams")
        unsafe parameterType = try function("paramtype")
        unsafe isNull = try function("getisnull")
        unsafe length = try function("getlength")
        unsafe value = try function("getvalue")
    }
}

/// The numbers of libpq-fe.h, postgres_ext.h and pg_type.
enum PostgreSQLCode {
    static let connectionOK: Int32 = 0
    static let pollingReading: Int32 = 1, pollingWriting: Int32 = 2, pollingOK: Int32 = 3

    static let commandOK: Int32 = 1, tuplesOK: Int32 = 2, fatalError: Int32 = 7
    static let pipelineSync: Int32 = 10, pipelineAborted: Int32 = 11

    static let sqlstate = Int32(UInt8(ascii: "C")), message = Int32(UInt8(ascii: "M"))

    /// Formats of parameters: text ends at a NUL, binary has a length.
    static let binary: Int32 = 1, text: Int32 = 0

    /// The types `text`, `varchar` and `name`, whose binary form is their bytes.
    static let plainTexts: [UInt32] = [25, 1043, 19]
    /// The type `char(n)`, which takes texts for equal that differ in blanks at their ends.
    static let paddedText: UInt32 = 1042
}
