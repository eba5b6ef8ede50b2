import torch

from composer_vit.patch_embedding import PatchEmbedding


def test_a_patch_makes_a_vector_of_its_own_pixels():
    embedding = PatchEmbedding(in_channels=3, out_channels=5, kernel_size=4, stride=4)
    image = torch.rand(2, 3, 8, 12)
    vectors = embedding(image)
    assert vectors.shape == (2, 2, 3, 5)
    image[:, :, :, 4:] = 0
    torch.testing.assert_close(embedding(image)[:, :, 0], vectors[:, :, 0])
