import Foundation
import FoundationXML
import Testing

@testable import Experiments

@Suite final class FigureTests {
  private let scratch = FileManager.default.temporaryDirectory.appending(path: "ditto-figures-\(UUID().uuidString)")
  deinit { try? FileManager.default.removeItem(at: scratch) }

  private func run(_ name: String, _ values: [Double]) throws -> URL {
    let folder = scratch.appending(path: name)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let log = try MetricsLog(in: folder)
    for (index, value) in values.enumerated() { try log.append(["loss": value], step: 10 * (index + 1)) }
    return folder
  }

  @Test func meansOfRunsHaveBandsFromTheLeastToTheLargest() throws {
    let runs = [try run("a", [1, 2, 6]), try run("b", [3, 6])]
    let chart = try MetricCurves.chart("loss", of: [("both", runs), ("one", [runs[0]])], smoothing: 1)
    #expect(chart.series.map(\.name) == ["both", "one"])
    #expect(chart.series[0].points.map { [$0.x, $0.y, $0.low, $0.high] } == [[10, 2, 1, 3], [20, 4, 2, 6]])
    #expect(chart.series[1].points.map { [$0.x, $0.y, $0.low] } == [[10, 1, nil], [20, 2, nil], [30, 6, nil]])
  }

  @Test func runningMeansBeginWhereTheyAreWhole() throws {
    let chart = try MetricCurves.chart("loss", of: [("a", [run("a", [1, 2, 6, 10])])], smoothing: 20)
    #expect(chart.series[0].points.map { [$0.x, $0.y] } == [[20, 1.5], [30, 4], [40, 8]])
  }

  @Test func saysWhichMetricsThereAre() throws {
    let folder = try run("a", [1])
    #expect(throws: ExperimentError.noSuchMetric(folder.path, "lost", known: ["loss"])) {
      try MetricCurves.chart("lost", of: [("a", [folder])], smoothing: 1)
    }
  }

  @Test func drawsWellFormedPictures() throws {
    var chart = LineChart(
      title: "a < b & c", xLabel: "x", yLabel: "y", series: [.init("line", [.init(x: 0, y: 1, low: 0, high: 2), .init(x: 10, y: 3, low: 2, high: 4)], hasDots: true)])
    chart.levels = [("expert", 300)]
    chart.xTicks = [0, 3, 10]
    let svg = LineChart.svg([chart, chart])
    final class Elements: NSObject, XMLParserDelegate {
      var count: [String: Int] = [:]
      func parser(_: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?, attributes: [String: String]) { count[name, default: 0] += 1 }
    }
    let (parser, elements) = (XMLParser(data: Data(svg.utf8)), Elements())
    parser.delegate = elements
    #expect(parser.parse())
    #expect(elements.count["polyline"] == 2 && elements.count["polygon"] == 2 && elements.count["circle"] == 4)
    #expect(!svg.contains("nan") && !svg.contains("inf"))
  }

  /// Nothing to draw is no reason to crash.
  @Test(arguments: [[], [LineChart.Point(x: 1, y: 2)], [.init(x: 1, y: .nan)]]) func drawsLittle(points: [LineChart.Point]) {
    #expect(LineChart.svg([LineChart(title: "", xLabel: "", yLabel: "", series: [.init("", points)])]).hasSuffix("</svg>\n"))
  }
}
