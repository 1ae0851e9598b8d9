import Foundation
import Settings
import Spaces
import Testing

@Suite struct ObservationViewTests {
  private let recorded = ObservationSpace([
    .init("front", .image(channels: 3, height: 6, width: 8)), .init("top", .image(channels: 1, height: 4, width: 4)),
    .init("gear", .classes([3])), .init("state", .vector(2)),
  ])

  private func frame(_ seed: UInt64) -> [UInt8] {
    var generator = Seed(seed).generator
    return (0..<3 * 48 + 16).map { _ in UInt8.random(in: 0...255, using: &generator) } + .bytes(of: [1, 0.5, -2])
  }

  @Test func isNothingByItself() throws {
    let view = try ObservationView(of: recorded)
    #expect(view.isIdentity && view.changed == nil && view.seen == recorded && view.frames(of: frame(0)) == frame(0))
  }

  @Test func keepsFieldsInTheirOrder() throws {
    let view = try ObservationView(of: recorded, fields: ["state", "top"])
    #expect(view.seen == ObservationSpace([recorded.fields[1], recorded.fields[3]]) && view.changed == recorded)
    let frames = frame(1) + frame(2)
    #expect(view.frames(of: frames) == [frame(1), frame(2)].flatMap { $0[144..<160] + $0.suffix(8) })
    #expect(
      throws: ObservationViewError(description: "there is no field 'rear'; there are 'front', 'top', 'gear', 'state'")
    ) { try ObservationView(of: recorded, fields: ["rear"]) }
  }

  @Test func cropsAndTurnsGrey() throws {
    let view = try ObservationView(of: recorded, fields: ["front"], crop: [1, 0, 2, 7], isGrey: true)
    #expect(view.seen.fields[0].kind == .image(channels: 1, height: 5, width: 5))
    let (raw, seen) = (frame(3), view.frames(of: frame(3)))
    for (row, column) in [(0, 0), (4, 4), (2, 3)] {
      let (r, g, b) = (
        Double(raw[(row + 1) * 8 + column + 2]), Double(raw[48 + (row + 1) * 8 + column + 2]),
        Double(raw[96 + (row + 1) * 8 + column + 2])
      )
      #expect(abs(Double(seen[row * 5 + column]) - (0.299 * r + 0.587 * g + 0.114 * b)) <= 0.51)
    }
    #expect(throws: ObservationViewError.self) { try ObservationView(of: recorded, crop: [0, 5, 0, 0]) }
  }

  /// Each pixel is the mean of those that it covers, in part where it covers them in part.
  @Test func resizesByArea() throws {
    let halves = try ObservationView(of: recorded, fields: ["front"], resized: [3, 4])
    let (raw, seen) = (frame(4), halves.frames(of: frame(4)))
    let four = [raw[48 + 2 * 8 + 4], raw[48 + 2 * 8 + 5], raw[48 + 3 * 8 + 4], raw[48 + 3 * 8 + 5]].map { Int($0) }
    #expect(abs(Double(seen[12 + 1 * 4 + 2]) - Double(four.reduce(0, +)) / 4) <= 0.5)
    let line = ObservationSpace(height: 4, width: 6)
    let row: [UInt8] = [0, 60, 120, 180, 240, 30]
    let narrow = try ObservationView(of: line, resized: [4, 4]).frames(of: row + row + row + row)
    // One and a half pixels each.
    #expect(Array(narrow[0..<4]) == [20, 100, 200, 100])
    #expect(
      try ObservationView(of: line, resized: [8, 12]).frames(of: row + row + row + row).prefix(6) == [
        0, 0, 60, 60, 120, 120,
      ])
  }
}
