import Foundation
import Settings
import Spaces
import Testing

@Suite struct SpacesTests {
  private let box = ActionSpace.box(low: [-2, 0], high: [2, 10])
  private let pad = ActionSpace([
    .init("buttons", .classes([2, 3], starts: [0, 5])), .init("stick", .box(low: [-2, 0], high: [2, 10])),
  ])

  @Test func scalesNumbersToOneAndBack() {
    #expect(
      box.scaled(.continuous([0, 10])) == .continuous([0, 1])
        && box.unscaled(.continuous([0, 1])) == .continuous([0, 10]))
    // What a recorder wrote beyond the bounds, the environment has clipped.
    #expect(box.scaled(.continuous([-7, 20])) == .continuous([-1, 1]))
    #expect(ActionSpace.discrete(5).scaled(3) == 3 && ActionSpace.discrete(5).unscaled(3) == 3)
    let mixed = Action(classes: [1, 0], numbers: [1, 5])
    #expect(
      pad.scaled(mixed) == Action(classes: [1, 0], numbers: [0.5, 0]) && pad.unscaled(pad.scaled(mixed)) == mixed)
  }

  @Test(arguments: 0..<20 as Range<UInt64>) func drawsWhatItContains(seed: UInt64) {
    var generator = Seed(seed).generator
    for space in [box, .discrete(4), pad] {
      let action = space.random(using: &generator)
      #expect(space.contains(action))
      #expect(space.contains(space.unscaled(space.scaled(action))))
    }
  }

  @Test func containsNothingElse() {
    for action: Action in [.continuous([0]), .continuous([0, 11]), .continuous([.nan, 1]), 0] {
      #expect(!box.contains(action))
    }
    for action: Action in [-1, 4, .continuous([0])] { #expect(!ActionSpace.discrete(4).contains(action)) }
    for classes in [[0], [0, 3], [0, 0, 0]] { #expect(!pad.contains(Action(classes: classes, numbers: [0, 1]))) }
  }

  @Test func drawsNumbersWithoutBounds() {
    var generator = Seed(1).generator
    let wide = ActionSpace.box(
      low: [-.infinity, 3, -.infinity, -3.4e38, 5], high: [.infinity, .infinity, 3, 3.4e38, 5])
    #expect(wide.isSupported && !wide.isBounded && box.isBounded)
    for _ in 0..<100 {
      let action = wide.random(using: &generator)
      #expect(wide.contains(action) && action.numbers.allSatisfy { abs($0) < 100 })
    }
  }

  @Test func actionsFitWhateverTheirBounds() throws {
    let other = ActionSpace([
      .init("buttons", .classes([2, 3], starts: [1, 0])), .init("stick", .box(low: [-1, 0], high: [1, .infinity])),
    ])
    #expect(pad.fits(other) && pad != other && !pad.fits(box) && !ActionSpace.discrete(3).fits(4))
    #expect(pad.bounded(low: other.low, high: other.high).parts[1] == other.parts[1])
    let json = try JSONEncoder().encode(pad.parts)
    #expect(try ActionSpace(JSONDecoder().decode([ActionSpace.Part].self, from: json)) == pad)
  }

  @Test func takesFramesApartAndPutsThemTogether() {
    let space = ObservationSpace(height: 2, width: 2, vector: 3)
    let (pixels, vectors): ([UInt8], [Float]) = (Array(0..<8), [1.5, -2, 0, 3e9, .pi, -0.0])
    let frames = space.frames(joining: [pixels, .bytes(of: vectors)])
    #expect(frames.count == 2 * space.frameSize && space.frameSize == 16)
    frames.withUnsafeBytes { frames in
      #expect(space.bytes(of: 0, in: frames) == pixels && space.numbers(of: 1, in: frames) == vectors)
    }
  }

  @Test func findsWhatIsNoNumberAndNoClass() {
    let space = ObservationSpace([
      .init("front", .image(channels: 1, height: 4, width: 4)), .init("gear", .classes([3, 2])),
      .init("speed", .vector(1)),
    ])
    let frame = { (gear: [Float], speed: Float) in [UInt8](repeating: 7, count: 16) + .bytes(of: gear + [speed]) }
    let good = frame([2, 1], -4)
    #expect(space.firstWrong(in: good + good) == nil)
    for (wrong, field) in [
      (frame([3, 0], 0), 1), (frame([0, 2], 0), 1), (frame([0.5, 0], 0), 1), (frame([.nan, 0], 0), 1),
      (frame([0, 0], .infinity), 2),
    ] {
      let found = space.firstWrong(in: good + wrong)
      #expect(found?.frame == 1 && found?.field == field)
    }
  }

  @Test func fitsWhereBytesMeanTheSame() {
    let image = ObservationSpace.Field.Kind.image(channels: 1, height: 32, width: 32)
    let unnamed = ObservationSpace(height: 32, width: 32, vector: 2)
    let named = ObservationSpace([.init("front", image), .init("joints", .vector(2))])
    #expect(unnamed.fits(named) && named.fits(unnamed) && named.fits(named))
    #expect(
      !named.fits(ObservationSpace([.init("top", image), .init("joints", .vector(2))]))
        && !unnamed.fits(ObservationSpace(height: 32, width: 32)))
  }

  @Test func keepsItsFieldsAsJSON() throws {
    let space = ObservationSpace([
      .init("a/b", .image(channels: 3, height: 84, width: 96)), .init("c", .vector(5)), .init("d", .classes([2, 7])),
    ])
    #expect(try JSONDecoder().decode(ObservationSpace.self, from: JSONEncoder().encode(space)) == space)
  }
}
