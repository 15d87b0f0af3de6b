using System.Text;
using Xunit;

namespace Metering.Benchmarks.Tests;

public sealed class RedisBatchTests
{
    [Fact]
    public void Every_call_of_a_pipeline_has_its_own_account_and_key()
    {
        var batch = new RedisBatch("0123456789012345678901234567890123456789", 2, withKeys: true);
        batch.Set(0, 42, 7);
        batch.Set(1, 9_999_999, 1_234_567_890_123_456);
        var text = Encoding.UTF8.GetString(batch.Bytes.Span);
        Assert.Equal(2, batch.Calls);
        Assert.Contains("$1\r\n3\r\n$9\r\nb:0000042\r\n$9\r\ns:0000042\r\n$18\r\nk:0000000000000007\r\n", text, StringComparison.Ordinal);
        Assert.Contains("b:9999999\r\n$9\r\ns:9999999\r\n$18\r\nk:1234567890123456\r\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_keys_there_is_none()
    {
        var batch = new RedisBatch("hash", 1, withKeys: false);
        batch.Set(0, 1, 7);
        Assert.StartsWith("*6\r\n$7\r\nEVALSHA\r\n$4\r\nhash\r\n$1\r\n2\r\n$9\r\nb:0000001\r\n$9\r\ns:0000001\r\n$43\r\n", Encoding.UTF8.GetString(batch.Bytes.Span), StringComparison.Ordinal);
    }
}
