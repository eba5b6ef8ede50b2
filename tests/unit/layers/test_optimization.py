from composer.layers import Optimization, fold_norms


def test_a_dense_network_may_be_changed_in_every_way():
    found = Optimization.of_dense(fold_norms, float32_outputs=("logits",))
    assert found == Optimization(
        fold=fold_norms,
        channels_last=True,
        lower_precision=True,
        float32_outputs=("logits",),
        dense=True,
    )
