import Foundation
import Settings

/// One drive on one road. Lengths are in units of the 32 × 32 picture; `x` grows to the right and `y` along the road.
struct RoadEpisode {
  /// The centre line's two sines, around x = 16.
  let bends: [Bend]
  /// The car's sideways position and speed, in units and units per step.
  var x = 0.0
  var v = 0.0
  /// Steps taken, which is also how far along the road the car is.
  var steps = 0

  struct Bend {
    let amplitude: Double
    let wavelength: Double
    let phase: Double
  }

  /// A straight or bent road given by hand, with the car at `x`.
  init(bends: [Bend], x: Double) {
    self.bends = bends
    self.x = x
  }

  /// Draws the road, then the car's start within one unit of its centre.
  init(seed: Seed) {
    var random = seed.generator
    bends = [24.0...40, 40...70].map {
      Bend(
        amplitude: .random(in: 2...4.5, using: &random), wavelength: .random(in: $0, using: &random),
        phase: .random(in: 0..<2 * .pi, using: &random))
    }
    x = centre(0) + .random(in: -1...1, using: &random)
  }

  /// The x of the road's centre line at `y`, in units.
  func centre(_ y: Double) -> Double {
    bends.reduce(16) { $0 + $1.amplitude * sin(2 * .pi * y / $1.wavelength + $1.phase) }
  }

  mutating func step(_ action: Int) {
    v = 0.6 * v + 0.8 * Double(action - 1)
    x += v
    steps += 1
  }

  var isOffRoad: Bool { abs(x - centre(Double(steps))) > 4.5 }

  /// Steers towards where the centre line will be in three steps, minding the speed it already has.
  var expertAction: Int {
    let u = 0.5 * (centre(Double(steps) + 3) - x) - v
    return u > 0.25 ? 2 : u < -0.25 ? 0 : 1
  }

  /// The view, `[size, size]` of `UInt8`, each pixel the value at its centre, rounded.
  ///
  /// In the 32 × 32 picture the pixel in column i and row j has its centre at (i + 0.5, j + 0.5), and row j shows the
  /// road at `y + 26 − j`. Background is 20, road `20 + 70 · clamp(5 − |x − c|, 0, 1)`; rows 25 to 27 mix in white,
  /// 255, with weight `clamp(2 − |x − X|, 0, 1)`. Other sizes sample the same view at their own pixel centres.
  func frame(size: Int) -> [UInt8] {
    let pixelsPerUnit = Double(size) / 32
    /// The columns whose centres are within `reach` of `x`.
    func columns(within reach: Double, of x: Double) -> Range<Int> {
      let first = Int(((x - reach) * pixelsPerUnit).rounded(.down))
      let end = Int(((x + reach) * pixelsPerUnit).rounded(.up))
      return max(0, min(first, size))..<max(0, min(end, size))
    }

    var pixels = [UInt8](repeating: 20, count: size * size)
    for row in 0..<size {
      let rowCentre = (Double(row) + 0.5) / pixelsPerUnit
      let c = centre(Double(steps) + 26.5 - rowCentre)
      let road = { (x: Double) in 20 + 70 * min(max(5 - abs(x - c), 0), 1) }
      for column in columns(within: 5, of: c) {
        pixels[row * size + column] = UInt8(road((Double(column) + 0.5) / pixelsPerUnit).rounded())
      }
      guard (25.0..<28).contains(rowCentre) else { continue }
      for column in columns(within: 2, of: x) {
        let pixel = (Double(column) + 0.5) / pixelsPerUnit
        let weight = min(max(2 - abs(pixel - x), 0), 1)
        pixels[row * size + column] = UInt8((road(pixel) + weight * (255 - road(pixel))).rounded())
      }
    }
    return pixels
  }
}
