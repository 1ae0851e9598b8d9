import Foundation
import Testing
import Torch

@testable import Runs

private let time = Date(timeIntervalSince1970: 1_700_000_000.25)

@Suite struct MetricsLogTests {
  private func lines(_ scratch: ScratchFolder) throws -> String {
    try String(contentsOf: scratch("metrics.jsonl"), encoding: .utf8)
  }

  @Test func appendsALineOfJSON() throws {
    let scratch = try ScratchFolder()
    try MetricsLog(in: scratch.url).append(["loss": 0.1, "actor/\"x\"": 1e-20], step: 7, time: time)
    let line = #"{"step":7,"time":1700000000.25,"actor/\"x\"":1e-20,"loss":0.1"#
    #expect(try lines(scratch) == "\(line),\"crc32c\":\(CRC32C.checksum(line.utf8))}\n")
  }

  @Test func refusesWhatIsNotFinite() throws {
    let scratch = try ScratchFolder()
    let log = try MetricsLog(in: scratch.url)
    #expect(throws: RunError.nonFiniteMetric("loss", value: "nan", step: 3)) {
      try log.append(["a": 1, "loss": .nan], step: 3)
    }
    #expect(throws: RunError.nonFiniteMetric("a", value: "-inf", step: 3)) {
      try log.append(["a": -.infinity], step: 3)
    }
    #expect(try lines(scratch) == "")
  }

  @Test func resumingDropsLaterAndHalfWrittenLines() throws {
    let scratch = try ScratchFolder()
    try Data("{\"step\":1,\"a\":1}\n{\"step\":2,\"a\":2}\n{\"step\":3,\"a\":3}\n{\"ste".utf8).write(
      to: scratch("metrics.jsonl"))
    try MetricsLog(in: scratch.url, after: 2).append(["a": 4], step: 3, time: time)
    let kept = "{\"step\":1,\"a\":1}\n{\"step\":2,\"a\":2}\n{\"step\":3,\"time\":1700000000.25,\"a\":4.0"
    #expect(try lines(scratch) == "\(kept),\"crc32c\":\(CRC32C.checksum(kept.utf8))}\n")
    #expect(try MetricsLog.lines(of: scratch.url).compactMap { $0["a"] } == [1, 2, 4])
  }

  @Test func copiesLinesWithBlanksAtTheirEnds() throws {
    let (old, new) = (try ScratchFolder(), try ScratchFolder())
    try Data("{\"step\":1,\"a\":1} \r\n".utf8).write(to: old("metrics.jsonl"))
    try MetricsLog.copy(from: old.url, to: new.url)
    #expect(try MetricsLog.lines(of: new.url) == [["step": 1, "a": 1]])
  }

  /// What is read back decides which checkpoint acts.
  @Test(arguments: ["a digit", "no JSON", "a line less", "two lines swapped", "no checksum", "another run's"])
  func noticesThatItIsNotAsItWasWritten(change: String) throws {
    let scratch = try ScratchFolder()
    let record = { (identity: String) in
      try Data(#"{"kind": "agent", "format": 3, "identity": "\#(identity)"}"#.utf8).write(to: scratch("run.json"))
    }
    try record("0badf00d")
    let begun = try MetricsLog(in: scratch.url)
    for step in 1...3 { try begun.append(["score": 0.25], step: step, time: time) }
    // Of a process that was killed; then the run goes on.
    let whole = try lines(scratch)
    try Data((whole + #"{"step":4,"sc"#).utf8).write(to: scratch("metrics.jsonl"))
    #expect(try MetricsLog.lines(of: scratch.url).count == 3)
    try MetricsLog(in: scratch.url, after: 2).append(["score": 0.5], step: 3, time: time)
    let written = try lines(scratch).split(separator: "\n").map(String.init)
    #expect(try MetricsLog.lines(of: scratch.url).map { $0["score"] } == [0.25, 0.25, 0.5])
    #expect(try MetricsLog.lines(of: scratch.url).allSatisfy { $0.count == 3 })
    var (changed, line) = (written, 2)
    switch change {
    case "a digit": changed[1] = changed[1].replacing("0.25", with: "0.95")
    case "no JSON": changed[1] = changed[1].replacing("{", with: "}")
    case "a line less": changed.remove(at: 1)
    case "two lines swapped": changed.swapAt(1, 2)
    case "no checksum":
      changed = changed.map { String($0[..<$0.firstRange(of: ",\"crc32c")!.lowerBound]) + "}" }
      line = 1
    default:
      try record("0badf00e")
      line = 1
    }
    try Data((changed.joined(separator: "\n") + "\n").utf8).write(to: scratch("metrics.jsonl"))
    let damaged = RunError.damagedRun(
      scratch.url.path, reason: "its metrics.jsonl has changed since it was written, in line \(line)")
    #expect(throws: damaged) { try MetricsLog.lines(of: scratch.url) }
    let before = try lines(scratch)
    #expect(throws: damaged) { try MetricsLog(in: scratch.url, after: 3) }
    #expect(try lines(scratch) == before)
  }
}

@Suite struct TensorBoardWriterTests {
  @Test func writesFramedEvents() throws {
    let scratch = try ScratchFolder()
    let writer = try TensorBoardWriter(in: scratch.url, firstStep: 0, time: time)
    try writer.write(["a": 0.5], step: 300, time: time)
    var records: [[UInt8]] = []
    var rest = [UInt8](try Data(contentsOf: writer.url))[...]
    func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    func masked(_ bytes: ArraySlice<UInt8>) -> UInt64 {
      let crc = CRC32C.checksum(bytes)
      return UInt64((crc >> 15 | crc << 17) &+ 0xa282_ead8)
    }
    while !rest.isEmpty {
      let length = Int(number(rest.prefix(8)))
      #expect(number(rest.dropFirst(8).prefix(4)) == masked(rest.prefix(8)))
      let record = rest.dropFirst(12).prefix(length)
      #expect(number(rest.dropFirst(12 + length).prefix(4)) == masked(record))
      records.append(Array(record))
      rest = rest.dropFirst(16 + length)
    }
    #expect(records.count == 2)
    #expect(Array(records[0].dropFirst(11)) == [0x1a, 13] + Array("brain.Event:2".utf8))
    #expect(
      Array(records[1].dropFirst(9)) == [0x10, 0xac, 0x02, 0x2a, 10, 0x0a, 8, 0x0a, 1, 0x61, 0x15, 0, 0, 0, 0x3f])
  }

  /// Of a run that was killed twice in the midst of a record: what comes later is read on from whole ones.
  @Test(arguments: [1, 9, 13, 20]) func cutsHalfRecordsOff(bytes: Int) throws {
    let scratch = try ScratchFolder()
    let whole = try Data(
      contentsOf: { () -> URL in
        let writer = try TensorBoardWriter(in: scratch.url, firstStep: 0, time: time)
        try writer.write(["a": 0.5], step: 1, time: time)
        return writer.url
      }())
    let half = scratch("events.out.tfevents.1")
    try (whole + whole.prefix(bytes)).write(to: half)
    let damaged = scratch("events.out.tfevents.2")
    try (whole.dropLast() + [0]).write(to: damaged)
    _ = try TensorBoardWriter(in: scratch.url, firstStep: 2, time: time)
    #expect(try Data(contentsOf: half) == whole)
    #expect(try whole.starts(with: Data(contentsOf: damaged)) && Data(contentsOf: damaged).count < whole.count)
  }

  @Test func checksumIsCastagnolis() { #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xe306_9283) }

  @Test func checksumContinues() {
    #expect(CRC32C.checksum(Array("6789".utf8), after: CRC32C.checksum(Array("12345".utf8))) == 0xe306_9283)
  }
}
