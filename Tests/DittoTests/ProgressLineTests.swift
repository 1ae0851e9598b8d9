import Runs
import Testing

@testable import Command

@Suite struct ProgressLineTests {
  /// Collects what is shown.
  private final class Screen { var text = "" }

  private func report(_ step: Int, _ metrics: [(name: String, value: Double)] = []) -> ProgressReport {
    ProgressReport(label: "agent", step: step, total: 100, unit: "steps", metrics: metrics)
  }

  private func line(
    _ screen: Screen, from step: Int = 0, isTerminal: Bool, columns: @escaping () -> Int? = { nil }
  ) -> ProgressLine {
    ProgressLine(report(step), time: 0, isTerminal: isTerminal, columns: columns) { screen.text += $0 }
  }

  @Test func rewritesItsLineOnATerminal() {
    let screen = Screen()
    var line = line(screen, isTerminal: true)
    line.update(report(1, [("kl", 7.31)]), time: 10)
    line.update(report(2), time: 10.1)
    line.update(report(100), time: 10.2)
    line.finish()
    #expect(screen.text.hasPrefix("\ragent  1/100  0.10 steps/s  16m30s left  kl 7.31\ragent  100/100  "))
    #expect(screen.text.contains("0s left"))
    #expect(screen.text.hasSuffix("\n"))
    // The second line covers what the first left on the screen.
    let lines = screen.text.components(separatedBy: "\r").dropFirst().map(\.count)
    #expect(lines[1] > lines[0])
  }

  @Test func isNoLongerThanTheTerminalIsWide() {
    let screen = Screen()
    var line = line(screen, isTerminal: true, columns: { 20 })
    line.update(report(1, [("kl", 7.31)]), time: 10)
    line.update(report(2), time: 20)
    #expect(screen.text == "\ragent  1/100  0.10 \ragent  2/100  0.10 ")
  }

  @Test func writesALineEveryTenSecondsElsewhere() {
    let screen = Screen()
    var line = line(screen, isTerminal: false)
    for step in 1...30 { line.update(report(step), time: Double(step)) }
    line.finish()
    #expect(
      screen.text == """
        agent  1/100  1.00 steps/s  1m39s left
        agent  11/100  1.00 steps/s  1m29s left
        agent  21/100  1.00 steps/s  1m19s left

        """)
  }

  @Test func aResumedRunCountsOnlyItsOwnSteps() {
    let screen = Screen()
    var line = line(screen, from: 90, isTerminal: false)
    line.update(report(91), time: 2)
    #expect(screen.text == "agent  91/100  0.50 steps/s  18s left\n")
  }

  @Test func anotherTaskHasALineOfItsOwn() {
    let line = line(Screen(), from: 90, isTerminal: false)
    #expect(line.isOf(report(91)))
    #expect(!line.isOf(report(89)))
    #expect(!line.isOf(ProgressReport(label: "clone", step: 91, total: 100, unit: "steps")))
  }
}
