import Foundation
import Runs
import Testing

@Suite struct ObserverTests {
  private final class Told: @unchecked Sendable { var events: [Event] = [] }

  @Test func isToldWhereAProgramAsksForIt() {
    let told = Told()
    Observer.$current.withValue(Observer { told.events.append($0) }) {
      Observer.note("a")
      Observer.warn("b")
      let progress = ProgressMeter("task", total: 3, step: 1)
      progress.update(2, [("loss", 0.5)])
    }
    Observer.note("nobody hears this")
    let texts = told.events.map { event in
      switch event {
      case .note(let text): "note \(text)"
      case .warning(let text): "warning \(text)"
      case .progress(let report): "\(report.label) \(report.step)/\(report.total) \(report.metrics.map(\.name))"
      }
    }
    #expect(texts == ["note a", "warning b", "task 1/3 []", "task 2/3 [\"loss\"]"])
  }

  @Test(arguments: [(0.4, "0s"), (59.4, "59s"), (185, "3m05s"), (7620, "2h07m"), (-1, "0s")]) func durations(
    seconds: Double, text: String
  ) {
    #expect(Uptime.description(seconds) == text)
  }
}
