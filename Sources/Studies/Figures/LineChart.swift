import Foundation

/// Lines over a number, with bands around them: one panel of a figure, drawn as SVG.
public struct LineChart: Sendable {
  public struct Point: Sendable {
    public var x, y: Double
    /// The band around the line here, if it has one: it reaches from point to neighbouring point where both have one,
    /// and is a bar where neither neighbour has.
    public var low, high: Double?
    public init(x: Double, y: Double, low: Double? = nil, high: Double? = nil) {
      (self.x, self.y, self.low, self.high) = (x, y, low, high)
    }
  }

  public struct Series: Sendable {
    public var name: String
    public var points: [Point]
    /// Whether each point gets a dot, for few points.
    public var hasDots: Bool
    public init(_ name: String, _ points: [Point], hasDots: Bool = false) {
      (self.name, self.points, self.hasDots) = (name, points, hasDots)
    }
  }

  public var title: String
  public var xLabel: String
  public var yLabel: String
  public var series: [Series]
  /// Horizontal lines with their names, such as an expert's return.
  public var levels: [(name: String, y: Double)] = []
  /// Numbers on the x axis; nil for round ones.
  public var xTicks: [Double]?
  /// Whether the x axis shows the logarithm: equal factors are equally far apart, and numbers that are not above 0 are
  /// not shown.
  public var isLogarithmic = false

  public init(title: String, xLabel: String, yLabel: String, series: [Series]) {
    (self.title, self.xLabel, self.yLabel, self.series) = (title, xLabel, yLabel, series)
  }

  /// Panels side by side, as an SVG document.
  public static func svg(_ panels: [LineChart]) -> String {
    let (widths, height) = (panels.map(\.width), Layout.height)
    let width = widths.reduce(0, +)
    let body = panels.enumerated().map {
      "<g transform=\"translate(\(number(widths[..<$0].reduce(0, +))) 0)\">\n\($1.body)</g>\n"
    }.joined()
    return """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(number(width))" height="\(number(height))" viewBox="0 0 \(number(width)) \(number(height))" \
      font-family="Helvetica, Arial, sans-serif" font-size="12">
      <rect width="100%" height="100%" fill="white"/>
      \(body)</svg>

      """
  }

  private enum Layout {
    /// Of a panel without its legend, which is right of it: a stroke, and a name of so much a letter.
    static let (width, height) = (460.0, 340.0)
    static let (stroke, letter) = (18.0, 6.6)
    static let (left, right, top, bottom) = (62.0, 16.0, 30.0, 48.0)
    /// Distinguishable also by the colour-blind (Okabe and Ito 2008).
    static let colors = [
      "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999933", "#882255", "#44AA99",
    ]
  }

  private var width: Double {
    Layout.width + Layout.stroke + 15 + Layout.letter * Double(series.map(\.name.count).max() ?? 0)
  }

  private var body: String {
    let scale = { (value: Double) in isLogarithmic ? log10(value) : value }
    let isShown = { (point: Point) in
      [scale(point.x), point.y, point.low ?? point.y, point.high ?? point.y].allSatisfy(\.isFinite)
    }
    let points = series.flatMap(\.points).filter(isShown)
    let (xs, ys) = (
      points.map(\.x) + (xTicks ?? []), points.flatMap { [$0.y, $0.low ?? $0.y, $0.high ?? $0.y] } + levels.map(\.y)
    )
    let (xAxis, yAxis) = (Axis(around: xs.map(scale)), Axis(around: ys, padded: true))
    let x = { (value: Double) in Layout.left + xAxis.share(scale(value)) * (Layout.width - Layout.left - Layout.right) }
    let y = { (value: Double) in
      Layout.height - Layout.bottom - yAxis.share(value) * (Layout.height - Layout.top - Layout.bottom)
    }
    let (right, bottom) = (Layout.width - Layout.right, Layout.height - Layout.bottom)
    var out = ""
    for tick in yAxis.ticks {
      out +=
        "<line x1=\"\(number(Layout.left))\" x2=\"\(number(right))\" y1=\"\(number(y(tick)))\" y2=\"\(number(y(tick)))\" stroke=\"#e0e0e0\"/>\n"
      out += text(Layout.left - 6, y(tick) + 4, label(tick), anchor: "end")
    }
    for tick in xTicks ?? (isLogarithmic ? xAxis.ticksOfPowers : xAxis.ticks) {
      out += text(x(tick), bottom + 16, label(tick))
    }
    for level in levels where level.y.isFinite {
      out +=
        "<line x1=\"\(number(Layout.left))\" x2=\"\(number(right))\" y1=\"\(number(y(level.y)))\" y2=\"\(number(y(level.y)))\" stroke=\"#555\" stroke-dasharray=\"5 4\"/>\n"
      out += text(right - 2, y(level.y) - 4, level.name, anchor: "end")
    }
    for (index, line) in series.enumerated() {
      let color = Layout.colors[index % Layout.colors.count]
      let shown = line.points.filter(isShown)
      let place = { (px: Double, py: Double) in "\(number(x(px))),\(number(y(py)))" }
      for band in shown.split(whereSeparator: { $0.low == nil || $0.high == nil }) {
        let outline = band.map { place($0.x, $0.low!) } + band.reversed().map { place($0.x, $0.high!) }
        let paint =
          band.count > 1
          ? "fill=\"\(color)\" fill-opacity=\"0.18\"" : "stroke=\"\(color)\" stroke-width=\"5\" stroke-opacity=\"0.3\""
        out += "<polygon points=\"\(outline.joined(separator: " "))\" \(paint)/>\n"
      }
      out +=
        "<polyline points=\"\(shown.map { place($0.x, $0.y) }.joined(separator: " "))\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"1.8\"/>\n"
      if line.hasDots {
        out += shown.map { "<circle cx=\"\(number(x($0.x)))\" cy=\"\(number(y($0.y)))\" r=\"3\" fill=\"\(color)\"/>\n" }
          .joined()
      }
      let row = Layout.top + 16 * Double(index) + 12
      out +=
        "<line x1=\"\(number(Layout.width))\" x2=\"\(number(Layout.width + Layout.stroke))\" y1=\"\(number(row - 4))\" y2=\"\(number(row - 4))\" stroke=\"\(color)\" stroke-width=\"2.5\"/>\n"
      out += text(Layout.width + Layout.stroke + 5, row, line.name, anchor: "start")
    }
    out +=
      "<path d=\"M\(number(Layout.left)) \(number(Layout.top)) V\(number(bottom)) H\(number(right))\" fill=\"none\" stroke=\"#333\"/>\n"
    out += text((Layout.left + right) / 2, Layout.height - 10, xLabel)
    out += text((Layout.left + right) / 2, 18, title, more: " font-weight=\"bold\"")
    let middle = (Layout.top + bottom) / 2
    return out + text(14, middle, yLabel, more: " transform=\"rotate(-90 14 \(number(middle)))\"")
  }

  private func text(_ x: Double, _ y: Double, _ text: String, anchor: String = "middle", more: String = "") -> String {
    let escaped = text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    return "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\"\(more)>\(escaped)</text>\n"
  }

  private func label(_ value: Double) -> String { String(format: "%.6g", value) }
}

private func number(_ value: Double) -> String { String(format: "%.1f", value) }

/// A range of numbers with round ones in it.
private struct Axis {
  let low, high: Double
  let ticks: [Double]

  init(around values: [Double], padded: Bool = false) {
    // Of larger numbers, and of those that hardly differ, the difference is lost.
    let values = values.filter(\.isFinite).map { min(max($0, -1e300), 1e300) }
    var (low, high) = (values.min() ?? 0, values.max() ?? 1)
    let size = max(abs(low), abs(high))
    if high - low <= 1e-12 * size { (low, high) = (low - max(0.5, 1e-9 * size), high + max(0.5, 1e-9 * size)) }
    if padded { (low, high) = (low - 0.04 * (high - low), high + 0.04 * (high - low)) }
    (self.low, self.high) = (low, high)
    let rough = (high - low) / 5
    let power = pow(10, floor(log10(rough)))
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 }!
    ticks = Array(stride(from: (low / step).rounded(.up) * step, through: high * (1 + 1e-12), by: step)).map {
      abs($0) < step * 1e-9 ? 0 : $0
    }
  }

  /// For an axis of logarithms to base 10: numbers whose logarithms lie in its range, 1, 2 and 5 of each power.
  var ticksOfPowers: [Double] {
    (Int(low.rounded(.down))...Int(high.rounded(.up))).flatMap { power in [1, 2, 5].map { $0 * pow(10, Double(power)) }
    }.filter {
      (low - 1e-9...high + 1e-9).contains(log10($0))
    }
  }

  func share(_ value: Double) -> Double { (value - low) / (high - low) }
}
