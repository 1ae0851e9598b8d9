import Settings
import Spaces
import Testing
import Torch
import WorldModel

/// Saved models name their parameters by property path: a rename here makes every one of them unreadable.
@Suite struct ParameterNamesTests {
  @Test(arguments: [32, 64]) func staysReadable(side: Int) {
    var sizes = LatentSizes()
    (sizes.depth, sizes.deterministic, sizes.hidden, sizes.groups, sizes.classes) = (2, 5, 7, 3, 4)
    let model = WorldModel(sizes, ObservationSpace(height: side, width: side), actions: 6, using: RandomSource(Seed(0)))
    let names = model.namedParameters.map { "\($0.name) \($0.parameter.shape)" }
    #expect(
      names == (side == 64 ? encoder64 : encoder32) + rssm(embedding: side == 64 ? 64 : 32)
        + (side == 64 ? decoder64 : decoder32))
    // Files have its statistics besides, which are nothing to be trained.
    #expect(
      model.weights.map(\.name) == model.namedParameters.map { "model." + $0.name } + [
        "pixels.mean", "pixels.deviation",
      ])
  }

  private let encoder32 = [
    "encoder.convolutions.0.weight [2, 1, 4, 4]", "encoder.convolutions.0.bias [2]",
    "encoder.convolutions.1.weight [4, 2, 4, 4]", "encoder.convolutions.1.bias [4]",
    "encoder.convolutions.2.weight [8, 4, 4, 4]", "encoder.convolutions.2.bias [8]",
  ]
  private var encoder64: [String] {
    encoder32 + ["encoder.convolutions.3.weight [16, 8, 4, 4]", "encoder.convolutions.3.bias [16]"]
  }

  private func rssm(embedding: Int) -> [String] {
    [
      "rssm.stochasticInput.weight [7, 12]", "rssm.stochasticInput.bias [7]",
      "rssm.actionInput.weight [7, 6]",
      "rssm.inputNorm.weight [7]", "rssm.inputNorm.bias [7]",
      "rssm.recurrence.inputWeight [15, 7]", "rssm.recurrence.recurrentWeight [15, 5]",
      "rssm.recurrence.inputBias [15]", "rssm.recurrence.recurrentBias [15]",
      "rssm.prior.hidden.weight [7, 5]", "rssm.prior.hidden.bias [7]",
      "rssm.prior.norm.weight [7]", "rssm.prior.norm.bias [7]",
      "rssm.prior.logits.weight [12, 7]", "rssm.prior.logits.bias [12]",
      "rssm.posterior.hidden.weight [7, 5]", "rssm.posterior.hidden.bias [7]",
      "rssm.posterior.hiddenOfEmbedding.weight [7, \(embedding)]",
      "rssm.posterior.norm.weight [7]", "rssm.posterior.norm.bias [7]",
      "rssm.posterior.logits.weight [12, 7]", "rssm.posterior.logits.bias [12]",
    ]
  }

  private let decoder64 = [
    "decoder.input.weight [64, 17]", "decoder.input.bias [64]",
    "decoder.convolutions.0.weight [64, 8, 5, 5]", "decoder.convolutions.0.bias [8]",
    "decoder.convolutions.1.weight [8, 4, 5, 5]", "decoder.convolutions.1.bias [4]",
    "decoder.convolutions.2.weight [4, 2, 6, 6]", "decoder.convolutions.2.bias [2]",
    "decoder.convolutions.3.weight [2, 1, 6, 6]", "decoder.convolutions.3.bias [1]",
  ]
  private let decoder32 = [
    "decoder.input.weight [32, 17]", "decoder.input.bias [32]",
    "decoder.convolutions.0.weight [32, 4, 5, 5]", "decoder.convolutions.0.bias [4]",
    "decoder.convolutions.1.weight [4, 2, 6, 6]", "decoder.convolutions.1.bias [2]",
    "decoder.convolutions.2.weight [2, 1, 6, 6]", "decoder.convolutions.2.bias [1]",
  ]
}
