import Settings
import Spaces
import Testing
import Torch

@testable import WorldModel

/// Networks and losses of fields of any kind.
@Suite struct FieldTests {
  @Test(arguments: [
    (1, 64, 64), (1, 32, 32), (3, 96, 96), (4, 84, 84), (3, 64, 128), (1, 4, 4), (2, 7, 5), (1, 256, 16), (3, 100, 37),
    (1, 5, 4),
  ])
  func encodesAndDecodesPicturesOfAnySize(channels: Int, height: Int, width: Int) {
    let (frame, random) = (FrameShape(channels: channels, height: height, width: width), RandomSource(Seed(1)))
    let (encoder, decoder) = (
      Encoder(frame, depth: 2, using: random), Decoder(frame, depth: 2, features: 6, using: random)
    )
    let embedding = encoder(.normal([3] + frame.dimensions, using: random))
    #expect(embedding.shape == [3, frame.embeddingSize(depth: 2)] && embedding.shape == [3, encoder.embeddingSize])
    #expect(decoder(.normal([3, 6], using: random)).shape == [3] + frame.dimensions)
  }

  @Test func halvesUntilLittleRemains() {
    let maps = { (side: Int) in
      FrameShape(channels: 3, height: side, width: side).encoderLayers(depth: 16).map(\.height)
    }
    #expect(
      maps(64) == [31, 14, 6, 2] && maps(32) == [15, 6, 2] && maps(84) == [41, 19, 8, 3] && maps(96) == [47, 22, 10, 4]
        && maps(128) == [63, 30, 14, 6, 2])
    #expect(
      FrameShape(channels: 3, height: 256, width: 256).encoderLayers(depth: 16).map(\.outputs) == [
        16, 32, 64, 128, 128, 128,
      ])
  }

  @Test func aClassCostsItsLogarithm() {
    let logits = Tensor([0, 0, 0, 1, -1] as [Float], [1, 5])
    let classes = Tensor([0, 1, 0, 1, 0] as [Float], [1, 5])
    let loss: [Float] = classLoss(logits, classes, counts: [3, 2]).values()
    #expect(abs(loss[0] - (1.0986123 + 0.126928)) < 1e-5)
  }

  @Test func fieldsOfAKindWeighAlike() {
    let space = ObservationSpace([
      .init("far", .image(channels: 1, height: 32, width: 32)),
      .init("near", .image(channels: 3, height: 64, width: 64)), .init("gear", .classes([4, 2])),
      .init("joints", .vector(6)), .init("speed", .vector(2)),
    ])
    var loss = LossConfiguration()
    #expect(loss.weights(of: space) == [12, 1, 30, 100, 300])
    loss.fields = ["near=0", "speed=0.5"]
    #expect(loss.weights(of: space) == [12, 0, 30, 100, 150])
    #expect(LossConfiguration().weights(of: ObservationSpace(height: 64, width: 64, vector: 3)) == [1, 100])
  }

  @Test func fieldsHaveNamesInCheckpoints() {
    var sizes = LatentSizes()
    (sizes.depth, sizes.deterministic, sizes.hidden, sizes.groups, sizes.classes) = (2, 8, 8, 2, 2)
    let space = ObservationSpace([
      .init("a", .image(channels: 1, height: 16, width: 16)), .init("b", .image(channels: 3, height: 16, width: 16)),
      .init("c", .classes([2])), .init("d", .vector(2)),
    ])
    let names = WorldModel(sizes, space, actions: 2, using: RandomSource(Seed(0))).namedParameters.map(\.name)
    for name in [
      "encoder.convolutions.0.weight", "fields.b.encoder.convolutions.0.weight", "decoder.input.weight",
      "fields.b.decoder.input.bias", "fields.c.encoder.layers.0.weight", "vectorEncoder.layers.0.weight",
      "vectorDecoder.layers.2.bias", "rssm.prior.hidden.weight",
    ] {
      #expect(names.contains(name), "\(name)")
    }
    #expect(Set(names).count == names.count)
  }
}
