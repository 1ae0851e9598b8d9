import Foundation
import FoundationXML
import Testing

@testable import Runs
@testable import Studies
@testable import Training

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
    let chart = try MetricCurves.chart(
      "loss", of: [NamedRuns(name: "both", runs: runs), NamedRuns(name: "one", runs: [runs[0]])], smoothing: 1)
    #expect(chart.series.map(\.name) == ["both", "one"])
    #expect(chart.series[0].points.map { [$0.x, $0.y, $0.low, $0.high] } == [[10, 2, 1, 3], [20, 4, 2, 6]])
    #expect(chart.series[1].points.map { [$0.x, $0.y, $0.low] } == [[10, 1, nil], [20, 2, nil], [30, 6, nil]])
  }

  @Test func runningMeansBeginWhereTheyAreWhole() throws {
    let chart = try MetricCurves.chart(
      "loss", of: [NamedRuns(name: "a", runs: [run("a", [1, 2, 6, 10])])], smoothing: 20)
    #expect(chart.series[0].points.map { [$0.x, $0.y] } == [[20, 1.5], [30, 4], [40, 8]])
  }

  @Test func saysWhichMetricsThereAre() throws {
    let folder = try run("a", [1])
    #expect(throws: ExperimentError.noSuchMetric(folder.path, "lost", known: ["loss"])) {
      try MetricCurves.chart("lost", of: [NamedRuns(name: "a", runs: [folder])], smoothing: 1)
    }
  }

  @Test func saysWhereThereIsNoMean() throws {
    let (early, late) = (try run("early", [1, 2]), scratch.appending(path: "late"))
    try FileManager.default.createDirectory(at: late, withIntermediateDirectories: true)
    let log = try MetricsLog(in: late)
    for step in [15, 20 + 5] { try log.append(["loss": 1], step: step) }
    let refusal = #expect(throws: ExperimentError.self) {
      try MetricCurves.chart("loss", of: [NamedRuns(name: "both", runs: [early, late])], smoothing: 1)
    }
    #expect("\(try #require(refusal))".hasPrefix("both: its runs logged 'loss' at no step that all of them have"))
  }

  @Test func drawsWellFormedPictures() throws {
    var chart = LineChart(
      title: "a < b & c", xLabel: "x", yLabel: "y",
      series: [.init("line", [.init(x: 0, y: 1, low: 0, high: 2), .init(x: 10, y: 3, low: 2, high: 4)], hasDots: true)])
    chart.levels = [("expert", 300)]
    chart.xTicks = [0, 3, 10]
    let svg = LineChart.svg([chart])
    for (name, count) in [("polyline", 1), ("polygon", 1), ("circle", 2)] {
      #expect(elements(name, of: chart).count == count)
    }
    #expect(!svg.contains("nan") && !svg.contains("inf"))
  }

  @Test func drawsNumbersOfAnySize() {
    for values in [[1e308], [-1e308, 1e308], [1e308, 3], [.nan, .infinity], [1e15, 1e15]] {
      let points =
        values.enumerated().map { LineChart.Point(x: Double($0), y: $1, low: $1, high: .infinity) } + [
          .init(x: 0, y: values[0])
        ]
      var chart = LineChart(title: "large", xLabel: "x", yLabel: "y", series: [.init("line", points)])
      chart.levels = values.map { ("level", $0) }
      #expect(elements("polyline", of: chart).count == 1)
    }
  }

  /// What a chart's elements of a name say of themselves.
  private func elements(_ name: String, of chart: LineChart) -> [[String: String]] {
    final class Elements: NSObject, XMLParserDelegate {
      var found: [(name: String, attributes: [String: String])] = []
      func parser(
        _: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
      ) { found.append((name, attributes)) }
    }
    let (parser, elements) = (XMLParser(data: Data(LineChart.svg([chart]).utf8)), Elements())
    parser.delegate = elements
    #expect(parser.parse())
    return elements.found.filter { $0.name == name }.map(\.attributes)
  }

  @Test func bandsEndWherePointsHaveNone() {
    let banded = { (x: Double) in LineChart.Point(x: x, y: 1, low: 0, high: 2) }
    let points = [
      banded(0), banded(1), .init(x: 2, y: 1), banded(3), .init(x: 4, y: 1), banded(5), banded(6), banded(7),
    ]
    let bands = elements("polygon", of: LineChart(title: "", xLabel: "", yLabel: "", series: [.init("a", points)]))
    let corners = bands.map { $0["points"]!.split(separator: " ") }
    #expect(corners.map(\.count) == [4, 2, 6])
    // One alone is a bar: straight up, and drawn by its stroke.
    #expect(Set(corners[1].map { $0.split(separator: ",")[0] }).count == 1 && Set(corners[1]).count == 2)
    #expect(bands[1]["stroke"] != nil && bands[0]["stroke"] == nil && bands[0]["fill"] == bands[1]["stroke"])
  }

  @Test func namesStandRightOfThePlot() {
    let chart = { (name: String) in
      LineChart(
        title: "", xLabel: "", yLabel: "",
        series: [.init("ditto", [.init(x: 0, y: 0)]), .init(name, [.init(x: 1, y: 1)])])
    }
    let right = { (attributes: [String: String]) in
      attributes["points"]!.split(separator: " ").flatMap { $0.split(separator: ",").prefix(1) }.compactMap {
        Double($0)
      }.max()!
    }
    let names = elements("text", of: chart("dgail")).filter { $0["text-anchor"] == "start" }.map { Double($0["x"]!)! }
    #expect(names.count == 2 && names.min()! > elements("polyline", of: chart("dgail")).map(right).max()!)
    let width = { (name: String) in Double(self.elements("svg", of: chart(name))[0]["width"]!)! }
    #expect(width("dgail") == width("d") && width(.init(repeating: "m", count: 40)) > width("dgail") + 35 * 6)
  }

  @Test func logarithmsMakeFactorsEquallyFar() {
    var chart = LineChart(
      title: "", xLabel: "", yLabel: "",
      series: [.init("a", [0, 1, 2, 4, 8, 15].map { .init(x: $0, y: $0) }, hasDots: true)])
    chart.isLogarithmic = true
    let dots = elements("circle", of: chart).map { Double($0["cx"]!)! }
    #expect(dots.count == 5)  // 0 has no logarithm
    #expect(abs(dots[1] - dots[0] - (dots[3] - dots[2])) < 0.2 && dots[4] - dots[3] < dots[3] - dots[2])
    for (ticks, expected) in [(nil, 4), ([1.0, 2, 4, 8, 15], 5)] {
      chart.xTicks = ticks
      let below = elements("text", of: chart).filter {
        $0["text-anchor"] == "middle" && $0["transform"] == nil && Double($0["y"]!)! > 300
      }
      #expect(below.count == expected + 1)  // and the axis' name: 1, 2, 5, 10
    }
  }

  /// Nothing to draw is no reason to crash.
  @Test(arguments: [[], [LineChart.Point(x: 1, y: 2)], [.init(x: 1, y: .nan)]]) func drawsLittle(
    points: [LineChart.Point]
  ) {
    #expect(
      LineChart.svg([LineChart(title: "", xLabel: "", yLabel: "", series: [.init("", points)])]).hasSuffix("</svg>\n"))
  }
}

@Suite struct NamedRunsTests {
  private static let there = ["a", "b", "runs/lr=1,batch=2", "lr=1"]

  /// Words, the name, and the runs.
  @Test(arguments: [
    ("a", "a", ["a"]), ("both=a,b", "both", ["a", "b"]), ("a,b", "a", ["a", "b"]),
    ("runs/lr=1,batch=2", "lr=1,batch=2", ["runs/lr=1,batch=2"]),
    ("x=runs/lr=1,batch=2,a", "x", ["runs/lr=1,batch=2", "a"]), ("lr=1,a", "lr=1", ["lr=1", "a"]),
    ("gone=gone", "gone", ["gone"]), ("gone,a", "gone", ["gone", "a"]),
  ]) func areFolders(word: String, name: String, runs: [String]) throws {
    let named = try #require(NamedRuns(word) { Self.there.contains($0) })
    #expect(named.name == name && named.runs == runs.map { URL(fileURLWithPath: $0) })
  }

  @Test(arguments: ["", ",", "name=", "name=,"]) func needARun(word: String) {
    #expect(NamedRuns(word) { Self.there.contains($0) } == nil)
  }
}
