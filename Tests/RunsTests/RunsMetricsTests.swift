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

@Suite struct ProgressLineTests {
  /// Collects what is shown.
  private final class Screen { var text = "" }

  private func progress(_ screen: Screen, isTerminal: Bool) -> ProgressLine {
    ProgressLine("agent", total: 100, step: 0, time: 0, isTerminal: isTerminal) { screen.text += $0 }
  }

  @Test func rewritesItsLineOnATerminal() {
    let screen = Screen()
    var progress = progress(screen, isTerminal: true)
    progress.update(1, [("kl", 7.31)], time: 10)
    progress.update(2, time: 10.1)
    progress.update(100, time: 10.2)
    progress.finish()
    #expect(screen.text.hasPrefix("\ragent  1/100  0.10 steps/s  16m30s left  kl 7.31\ragent  100/100  "))
    #expect(screen.text.contains("0s left"))
    #expect(screen.text.hasSuffix("\n"))
    // The second line covers what the first left on the screen.
    let lines = screen.text.components(separatedBy: "\r").dropFirst().map(\.count)
    #expect(lines[1] > lines[0])
  }

  @Test func isNoLongerThanTheTerminalIsWide() {
    let screen = Screen()
    var progress = ProgressLine("agent", total: 100, step: 0, time: 0, isTerminal: true, columns: { 20 }) {
      screen.text += $0
    }
    progress.update(1, [("kl", 7.31)], time: 10)
    progress.update(2, time: 20)
    #expect(screen.text == "\ragent  1/100  0.10 \ragent  2/100  0.10 ")
  }

  @Test func writesALineEveryTenSecondsElsewhere() {
    let screen = Screen()
    var progress = progress(screen, isTerminal: false)
    for step in 1...30 { progress.update(step, time: Double(step)) }
    progress.finish()
    #expect(
      screen.text == """
        agent  1/100  1.00 steps/s  1m39s left
        agent  11/100  1.00 steps/s  1m29s left
        agent  21/100  1.00 steps/s  1m19s left

        """)
  }

  @Test func aResumedRunCountsOnlyItsOwnSteps() {
    let screen = Screen()
    var progress = ProgressLine("agent", total: 100, step: 90, time: 0, isTerminal: false) { screen.text += $0 }
    progress.update(91, time: 2)
    #expect(screen.text == "agent  91/100  0.50 steps/s  18s left\n")
  }

  @Test(arguments: [(0.4, "0s"), (59.4, "59s"), (185, "3m05s"), (7620, "2h07m"), (-1, "0s")]) func durations(
    seconds: Double, text: String
  ) {
    #expect(ProgressLine.duration(seconds) == text)
  }
}

@Suite struct InterruptionTests {
  @Test func signalsThatWereIgnoredStaySo() async {
    await #expect(processExitsWith: .success) {
      signal(SIGHUP, SIG_IGN)
      Interruption.watch()
      raise(SIGHUP)
      guard Interruption.exitCode == nil else { exit(1) }
      raise(SIGUSR1)
      raise(SIGUSR1)
      guard Interruption.exitCode == 128 + SIGUSR1 else { exit(1) }
    }
  }

  @Test func aSignalIsNotedAndBecomesTheExitCode() async {
    await #expect(processExitsWith: .exitCode(143)) {
      Interruption.watch()
      guard Interruption.exitCode == nil else { exit(1) }
      kill(getpid(), SIGTERM)
      while true { if let code = Interruption.exitCode { exit(code) } }
    }
  }

  @Test func aSecondSignalEndsTheProcess() async {
    await #expect(processExitsWith: .signal(SIGINT)) {
      Interruption.watch()
      kill(getpid(), SIGTERM)
      while Interruption.exitCode == nil {}
      kill(getpid(), SIGINT)
      while true {}
    }
  }
}
