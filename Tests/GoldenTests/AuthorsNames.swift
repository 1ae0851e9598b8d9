/// The names that the authors' PyTorch modules, and so the fixtures, give to this package's parameters.
enum AuthorsNames {
  /// `rssm.prior.norm.bias` is `rssm_core.cell.prior_norm.bias`.
  static func worldModel(_ path: String) -> String {
    let parts = path.split(separator: ".").map(String.init)
    let (layer, last) = (parts.dropLast().joined(separator: "."), parts.last!)
    switch (parts[0], parts[1]) {
    // Layers without parameters count too: an activation after each convolution, and two reshapes in the decoder.
    case ("encoder", _): return "encoder.encoder.model.\(2 * Int(parts[2])!).\(last)"
    case ("decoder", "input"): return "decoder.decoder.model.1.\(last)"
    case ("decoder", _): return "decoder.decoder.model.\(2 * Int(parts[2])! + 3).\(last)"
    default: return "rssm_core.cell.\(cell[layer] ?? layer).\(recurrence[last] ?? last)"
    }
  }

  private static let cell = [
    "rssm.stochasticInput": "z_mlp", "rssm.actionInput": "a_mlp", "rssm.inputNorm": "in_norm",
    "rssm.recurrence": "gru.layers.0",
    "rssm.prior.hidden": "prior_mlp_h", "rssm.prior.norm": "prior_norm", "rssm.prior.logits": "prior_mlp",
    "rssm.posterior.hidden": "post_mlp_h", "rssm.posterior.hiddenOfEmbedding": "post_mlp_e",
    "rssm.posterior.norm": "post_norm",
    "rssm.posterior.logits": "post_mlp",
  ]
  private static let recurrence = [
    "inputWeight": "weight_ih", "recurrentWeight": "weight_hh", "inputBias": "bias_ih", "recurrentBias": "bias_hh",
  ]

  /// `targetCritic.layers.2.bias` is `critic_target.model.4.bias`.
  static func actorCritic(_ path: String) -> String {
    let parts = path.split(separator: ".")
    return "\(parts[0] == "targetCritic" ? "critic_target" : parts[0]).model.\(2 * Int(parts[2])!).\(parts[3])"
  }
}
