using System.Net;
using Metering.Gateway.Payments;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Metering.Gateway.Tests.Sales;

/// <summary>Whose calls a limit of an open route counts.</summary>
public sealed class CallerAddressTests
{
    [Theory]
    [InlineData("192.0.2.1", null, "192.0.2.1")]
    [InlineData("::ffff:192.0.2.1", null, "192.0.2.1")]
    [InlineData("2001:db8:1:2:3:4:5:6", null, "2001:db8:1:2::/64")]
    [InlineData("2001:db8:1:2:ffff::1", null, "2001:db8:1:2::/64")]
    [InlineData("192.0.2.1", "198.51.100.7", "192.0.2.1")] // No proxy of ours: what it says is its own invention.
    [InlineData("10.0.0.1", "198.51.100.7", "198.51.100.7")]
    [InlineData("10.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7")]
    [InlineData("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.1.2.3", "198.51.100.7")]
    [InlineData("10.0.0.1", "198.51.100.7:4711", "198.51.100.7")]
    [InlineData("10.0.0.1", "[2001:db8::1]:4711", "2001:db8::/64")]
    [InlineData("10.0.0.1", "nonsense", "10.0.0.1")]
    [InlineData("::ffff:10.0.0.1", "198.51.100.7", "198.51.100.7")]
    public void An_address_counts_as_far_as_trusted_proxies_tell_it(string remote, string? forwarded, string expected)
    {
        var context = new DefaultHttpContext();
        context.Connection.RemoteIpAddress = IPAddress.Parse(remote);
        if (forwarded is not null)
        {
            context.Request.Headers["X-Forwarded-For"] = forwarded;
        }

        Assert.Equal(expected, CallerAddress.Of(context, [IPNetwork.Parse("10.0.0.0/8")]));
    }
}
