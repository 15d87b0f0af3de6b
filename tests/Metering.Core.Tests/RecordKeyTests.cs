using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Metering.Core.Tests;

/// <summary>Names of records are stored for ever, so they must be the framework's SHA-256 whatever computes them.</summary>
public class RecordKeyTests
{
    [Fact]
    public void A_record_is_named_by_sha_256_at_every_length()
    {
        var random = new Random(1);
        for (var round = 0; round < 20; round++)
        {
            // Up to one block of 64 bytes, over its padding's edge at 55, and far beyond it.
            for (var length = 0; length <= 200; length++)
            {
                var id = string.Create(length, random, static (text, random) =>
                {
                    foreach (ref var character in text)
                    {
                        character = (char)random.Next(' ', '~');
                    }
                });
                var expected = SHA256.HashData(Encoding.UTF8.GetBytes($"contact\0{id}"));
                Assert.Equal(BinaryPrimitives.ReadUInt128LittleEndian(expected), RecordKey.Of("contact", id).Value);
            }
        }
    }
}
