import ArgumentParser
import Foundation
import Runs
import Studies

struct PlotCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plot", abstract: "Draws what runs logged as an SVG picture.",
    discussion:
      "A curve is a run, or several under a name: 'f32=runs/a,runs/b,runs/c' is their mean, with a band from the least to the largest."
  )

  @Argument(help: .init("Runs.", valueName: "run|name=run,run")) var runs: [String]
  @Option(
    parsing: .singleValue, help: .init("A metric of their logs, such as loss/image; one panel each.", valueName: "name")
  ) var metric: [String]
  @Option(help: "Gradient steps that a running mean goes over.") var smooth = 1
  @Option(help: .init("The picture.", valueName: "file.svg")) var output: String

  func run() throws {
    guard smooth >= 1 else { throw ValidationError("--smooth is \(smooth), must be at least 1") }
    try AtomicFile.checkPlace(of: URL(fileURLWithPath: output), as: [.svg])
    let groups = try runs.map { word -> NamedRuns in
      guard let named = NamedRuns(word) else {
        throw ValidationError("'\(word)' names no run; write 'run', or 'name=run,run'")
      }
      return named
    }
    let panels = try metric.map { try MetricCurves.chart($0, of: groups, smoothing: smooth) }
    try AtomicFile.write(Data(LineChart.svg(panels).utf8), to: URL(fileURLWithPath: output))
    Console.say("wrote \(output)")
  }
}
