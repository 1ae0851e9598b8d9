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
    #expect(try lines(scratch) == #"{"step":7,"time":1700000000.25,"actor/\"x\"":1e-20,"loss":0.1}"# + "\n")
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
    #expect(
      try lines(scratch)
        == "{\"step\":1,\"a\":1}\n{\"step\":2,\"a\":2}\n{\"step\":3,\"time\":1700000000.25,\"a\":4.0}\n")
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
