using Xunit;

namespace Metering.Benchmarks.Tests;

public sealed class ArgumentsTests
{
    [Fact]
    public void What_is_given_counts_and_what_is_not_has_its_default()
    {
        var arguments = new Arguments(["--callers", "64", "--keys", "off", "--systems", "sqlite,redis", "--points", "1,4"]);
        Assert.Equal(64, arguments.Number("--callers", 256, 1, 100));
        Assert.Equal(10, arguments.Number("--burst", 10, 0, 100));
        Assert.False(arguments.Switch("--keys", true));
        Assert.Equal(["sqlite", "redis"], arguments.Choices("--systems", [], ["sqlite", "redis", "memory"]));
        Assert.Equal([1, 4], arguments.Numbers("--points", [], 1, 10));
        Assert.Null(arguments.Text("--results"));
        arguments.RefuseOthers();
    }

    [Theory]
    [InlineData("callers is not an option; options begin with --.", "callers", "1")]
    [InlineData("--callers needs a value.", "--callers")]
    [InlineData("--callers is given twice.", "--callers", "1", "--callers", "2")]
    [InlineData("--callers is 0; 1 to 9 are allowed.", "--callers", "0")]
    [InlineData("--callers is 10; 1 to 9 are allowed.", "--callers", "10")]
    [InlineData("--callers is many; 1 to 9 are allowed.", "--callers", "many")]
    [InlineData("--keys is maybe; on, off are allowed.", "--keys", "maybe")]
    [InlineData("--systems has oracle; sqlite, redis, separated by commas, are allowed.", "--systems", "sqlite,oracle")]
    [InlineData("--points has x; numbers of 1 to 9, separated by commas, are allowed.", "--points", "1,x")]
    [InlineData("--speed is not an option here; --callers, --keys, --systems, --points are.", "--speed", "1")]
    public void What_is_wrong_is_said_in_one_sentence(string sentence, params string[] line)
    {
        var exception = Assert.Throws<ArgumentException>(() =>
        {
            var arguments = new Arguments(line);
            arguments.Number("--callers", 1, 1, 9);
            arguments.Switch("--keys", true);
            arguments.Choices("--systems", [], ["sqlite", "redis"]);
            arguments.Numbers("--points", [], 1, 9);
            arguments.RefuseOthers();
        });
        Assert.Equal(sentence, exception.Message);
    }
}
